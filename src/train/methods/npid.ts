import { MemoryBank } from '../../ssl/memoryBank.js'
import { NPID } from '../../ssl/npid.js'
import { above, between, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const npid = defineMethod({
  name: 'npid',
  title: 'Unsupervised feature learning via non-parametric instance discrimination',
  authors: 'Wu, Xiong, Yu & Lin',
  year: 2018,
  url: 'https://arxiv.org/abs/1805.01978',
  needs: ['negatives', 'memory bank'],
  options: section(
    {
      temperature: above(0, 'τ of the softmax over the memory bank.').default(0.1),
      negatives: whole(0, 'm of noise-contrastive estimation; 0 for the full softmax over the bank.').default(0),
      momentum: between(0, 1, "What is kept of an image's row when it comes again.").default(0.5),
      proximal: between(0, Infinity, 'λ of the proximal term; 0 leaves it out, as the official code does.').default(0),
    },
    "Instance Discrimination's own settings.",
  ),
  build(
    { temperature, negatives, momentum, proximal },
    { config, device, train, encoder, projector, generator, views },
  ) {
    const network = encoder()
    const dimension = config.projector.at(-1)!
    const bank = new MemoryBank({ size: train.count, dimension, momentum, generator: generator('bank'), device })
    const [view] = views
    const options = { temperature, negatives, proximal, view }
    return new NPID(network, projector(network.featureDimension), bank, generator('negatives'), options)
  },
})
