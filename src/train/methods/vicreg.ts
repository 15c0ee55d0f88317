import { VICReg } from '../../ssl/vicreg.js'
import { between, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const vicreg = defineMethod({
  name: 'vicreg',
  title: 'VICReg: variance-invariance-covariance regularization for self-supervised learning',
  authors: 'Bardes, Ponce & LeCun',
  year: 2022,
  url: 'https://arxiv.org/abs/2105.04906',
  needs: [],
  options: section(
    {
      invariance: between(0, Infinity, 'λ: the weight of the distance between the views.').default(25),
      variance: between(
        0,
        Infinity,
        "μ: the weight of deviations below 1; 50 here is the paper's and solo-learn's 25.",
      ).default(25),
      covariance: between(0, Infinity, 'ν: the weight of the covariances of different dimensions.').default(1),
    },
    "VICReg's own settings.",
  ),
  build(weights, { encoder, projector, views }) {
    const network = encoder()
    const expander = projector(network.featureDimension, 'expander', { outputBias: false })
    return new VICReg(network, expander, { weights, views })
  },
})
