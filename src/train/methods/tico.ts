import { cosineMomentum } from '../../optim/schedules.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { TiCo } from '../../ssl/tico.js'
import { between, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const tico = defineMethod({
  name: 'tico',
  title: 'TiCo: transformation invariance and covariance contrast for self-supervised visual representation learning',
  authors: 'Zhu, Moraes, Karakulak, Sobol, Canziani & LeCun',
  year: 2022,
  url: 'https://arxiv.org/abs/2206.10698',
  needs: ['momentum encoder'],
  options: section(
    {
      covarianceMomentum: between(0, 1, 'β: what is kept of the covariance at each step.').default(0.9),
      rho: between(0, Infinity, 'ρ: the weight of the covariance contrast.').default(8),
      momentum: between(
        0,
        1,
        'What is kept of the momentum encoder at the first step; from there to 1 along half a cosine.',
      ).default(0.99),
    },
    "TiCo's own settings.",
  ),
  build({ covarianceMomentum, rho, momentum }, { config, encoder, projector, totalSteps, views }) {
    const networks = (prefix: string) => {
      const network = encoder(`${prefix}encoder`)
      return { encoder: network, projector: projector(network.featureDimension, `${prefix}projector`) }
    }
    const target = new TargetNetwork(networks('target.'), { momentum: cosineMomentum({ base: momentum, totalSteps }) })
    return new TiCo(networks(''), target, { covarianceMomentum, rho, dimension: config.projector.at(-1)!, views })
  },
})
