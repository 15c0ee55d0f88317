import { SimCLR } from '../../ssl/simclr.js'
import { above, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const simclr = defineMethod({
  name: 'simclr',
  title: 'SimCLR: a simple framework for contrastive learning of visual representations',
  authors: 'Chen, Kornblith, Norouzi & Hinton',
  year: 2020,
  url: 'https://arxiv.org/abs/2002.05709',
  needs: ['negatives'],
  options: section({ temperature: above(0, 'T of NT-Xent.').default(0.5) }, "SimCLR's own settings."),
  build({ temperature }, { encoder, projector, views }) {
    const network = encoder()
    return new SimCLR(network, projector(network.featureDimension), { temperature, views })
  },
})
