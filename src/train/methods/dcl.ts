import { DCL } from '../../ssl/dcl.js'
import { above, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const dcl = defineMethod({
  name: 'dcl',
  title: 'Decoupled contrastive learning',
  authors: 'Yeh, Hong, Hsu, Liu, Chen & LeCun',
  year: 2022,
  url: 'https://arxiv.org/abs/2110.06848',
  needs: ['negatives'],
  options: section(
    {
      temperature: above(0, 'T of the loss.').default(0.1),
      sigma: above(0, 'σ of the weights of DCLW, 0.5 in the paper; plain DCL when absent.').exactOptional(),
    },
    "DCL's own settings.",
  ),
  build(options, { encoder, projector, views }) {
    const network = encoder()
    return new DCL(network, projector(network.featureDimension), { ...options, views })
  },
})
