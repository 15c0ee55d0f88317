import { ConfigError } from '../../device/errors.js'
import { MaskedDecoder } from '../../nn/maskedDecoder.js'
import { VisionTransformer } from '../../nn/vit.js'
import { MAE } from '../../ssl/mae.js'
import { PatchMask } from '../../ssl/patchMask.js'
import { between, flag, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const mae = defineMethod({
  name: 'mae',
  title: 'Masked autoencoders are scalable vision learners',
  authors: 'He, Chen, Xie, Li, Dollár & Girshick',
  year: 2021,
  url: 'https://arxiv.org/abs/2111.06377',
  needs: ['ViT'],
  options: section(
    {
      ratio: between(0, 1, 'Share of the patches that is hidden.').default(0.75),
      normalisedPixels: flag("Whether a patch's own mean and deviation are taken off its pixels.").default(true),
      decoderWidth: whole(4, "Of the decoder's tokens.").default(512),
      decoderDepth: whole(1, 'Blocks of the decoder.').default(8),
      decoderHeads: whole(1, "Heads of the decoder's attention.").default(16),
    },
    "MAE's own settings.",
  ),
  build(options, { config, device, train, encoder, generator, views, size }) {
    const { ratio, normalisedPixels, decoderWidth, decoderDepth, decoderHeads } = options
    const network = encoder()
    if (!(network instanceof VisionTransformer)) {
      throw new ConfigError(`encoder: mae wants a vision transformer, vit-tiny or vit-small, got ${config.encoder}`)
    }
    const { patchSize } = network
    const grid = size / patchSize
    const decoder = new MaskedDecoder({
      inputs: network.featureDimension,
      width: decoderWidth,
      depth: decoderDepth,
      heads: decoderHeads,
      grid,
      outputs: patchSize * patchSize * train.channels,
      generator: generator('decoder'),
      device,
    })
    const mask = { batch: config.batch, patches: grid * grid, ratio, generator: generator('mask'), device }
    const [view] = views
    return new MAE(network, decoder, new PatchMask(mask), { normalisedPixels, view })
  },
})
