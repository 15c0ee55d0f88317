import { ConfigError } from '../../device/errors.js'
import { BarlowTwins } from '../../ssl/barlowTwins.js'
import { above, between, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const barlow = defineMethod({
  name: 'barlow',
  title: 'Barlow Twins: self-supervised learning via redundancy reduction',
  authors: 'Zbontar, Jing, Misra, LeCun & Deny',
  year: 2021,
  url: 'https://arxiv.org/abs/2103.03230',
  needs: [],
  options: section(
    {
      lambda: between(0, Infinity, 'λ: the cost of a squared correlation of two different dimensions.').default(0.0051),
      biasRate: above(0, 'The learning rate of biases and norms, in rates of the weights.').default(1),
    },
    "Barlow Twins' own settings.",
  ),
  build({ lambda, biasRate }, { config, encoder, projector, views }) {
    if (biasRate !== 1 && config.optimizer.decayAll) {
      throw new ConfigError(
        `options.biasRate: wants 1 where optimizer.decayAll puts biases among the weights, got ${biasRate}`,
      )
    }
    const network = encoder()
    const head = projector(network.featureDimension, 'projector', { outputBias: false })
    return new BarlowTwins(network, head, { lambda, biasRate, dimension: config.projector.at(-1)!, views })
  },
})
