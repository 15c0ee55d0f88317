import { ConfigError } from '../../device/errors.js'
import { WMSE } from '../../ssl/wmse.js'
import { between, flag, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const wmse = defineMethod({
  name: 'wmse',
  title: 'Whitening for self-supervised representation learning',
  authors: 'Ermolov, Siarohin, Sangineto & Sebe',
  year: 2021,
  url: 'https://arxiv.org/abs/2007.06346',
  needs: [],
  options: section(
    {
      sliceSize: whole(2, 'Images that are whitened together: a divisor of the batch, above the dimension.').default(
        128,
      ),
      iterations: whole(1, 'How often a step whitens, each time with other slices.').default(1),
      epsilon: between(0, 0.999999, 'How much of the identity is mixed into a covariance.').default(0),
      normalised: flag('Whitened embeddings are divided by their lengths.').default(true),
      views: whole(2, 'Views of every image: 2 or, with more of each, 4 in the paper.').default(2),
    },
    "W-MSE's own settings.",
  ),
  build({ sliceSize, views: count, ...options }, { config, encoder, projector, generator, views }) {
    const { batch } = config
    const dimension = config.projector.at(-1)!
    if (batch % sliceSize !== 0) {
      throw new ConfigError(`options.sliceSize: wants a divisor of the batch of ${batch}, got ${sliceSize}`)
    }
    if (options.epsilon === 0 && sliceSize <= dimension) {
      throw new ConfigError(
        `options.sliceSize: wants more images than the projector's ${dimension} dimensions, got ${sliceSize}; ` +
          'take a larger slice, a narrower projector, or an epsilon above 0',
      )
    }
    const network = encoder()
    return new WMSE(network, projector(network.featureDimension), {
      ...options,
      size: sliceSize,
      batch,
      generator: generator('slices'),
      views: Array.from({ length: count }, (_, i) => views[i % 2]!),
    })
  },
})
