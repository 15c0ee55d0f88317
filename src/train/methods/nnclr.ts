import { NNCLR } from '../../ssl/nnclr.js'
import { Queue } from '../../ssl/queue.js'
import { above, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const nnclr = defineMethod({
  name: 'nnclr',
  title: 'With a little help from my friends: nearest-neighbor contrastive learning of visual representations',
  authors: 'Dwibedi, Aytar, Tompson, Sermanet & Zisserman',
  year: 2021,
  url: 'https://arxiv.org/abs/2104.14548',
  needs: ['negatives', 'queue'],
  options: section(
    {
      temperature: above(0, 'T of the loss.').default(0.1),
      queue: whole(1, 'K: embeddings in the support set.').default(98304),
      predictorWidth: whole(1, 'Hidden width of the predictor.').default(4096),
    },
    "NNCLR's own settings.",
  ),
  build({ temperature, queue, predictorWidth }, { config, device, encoder, projector, head, generator, views }) {
    const network = encoder()
    const dimension = config.projector.at(-1)!
    const networks = {
      encoder: network,
      projector: projector(network.featureDimension),
      predictor: head('predictor', [dimension, predictorWidth, dimension]),
    }
    const support = new Queue({ size: queue, dimension, rows: config.batch, generator: generator('queue'), device })
    return new NNCLR(networks, support, { temperature, views })
  },
})
