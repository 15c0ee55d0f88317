import { ConfigError } from '../../device/errors.js'
import type { Module } from '../../nn/module.js'
import { Sequential } from '../../nn/sequential.js'
import { HeadedEncoder } from '../../ssl/headedEncoder.js'
import type { Encoder } from '../../ssl/method.js'
import { SimCLR } from '../../ssl/simclr.js'
import { above, section, whole } from '../fields.js'
import type { NetworkBuilders } from '../networks.js'
import { defineMethod } from './definition.js'

export const simclr = defineMethod({
  name: 'simclr',
  title: 'SimCLR: a simple framework for contrastive learning of visual representations',
  authors: 'Chen, Kornblith, Norouzi & Hinton',
  year: 2020,
  url: 'https://arxiv.org/abs/2002.05709',
  needs: ['negatives'],
  options: section(
    {
      temperature: above(0, 'T of NT-Xent.').default(0.5),
      chunks: whole(1, 'Parts that a batch goes through the network in: the memory of one, the exact loss.').default(1),
      keptLayers: whole(
        0,
        'Layers of the projector that are kept with the encoder and evaluated: 0 in SimCLR, 1 of 3 in SimCLR v2.',
      ).default(0),
    },
    "SimCLR's own settings.",
  ),
  build({ temperature, chunks, keptLayers }, { config, views, ...builders }) {
    if (config.batch % chunks !== 0) {
      throw new ConfigError(`options.chunks: wants a divisor of the batch of ${config.batch}, got ${chunks}`)
    }
    if (keptLayers >= config.projector.length) {
      throw new ConfigError(
        `options.keptLayers: wants fewer than the ${config.projector.length} layers of the projector, got ${keptLayers}`,
      )
    }
    const [encoder, projector] = cut(keptLayers, builders)
    return new SimCLR(encoder, projector, { temperature, views, chunks })
  },
  kept({ keptLayers }, builders) {
    if (keptLayers === 0) return undefined
    const [encoder, projector] = cut(keptLayers, builders)
    projector.dispose()
    return encoder
  },
})

/** Encoder and projector, with the first layers of the projector on the encoder's side. */
function cut(keptLayers: number, { encoder, projector }: NetworkBuilders): [Encoder, Module] {
  const body = encoder()
  const head = projector(body.featureDimension)
  if (keptLayers === 0) return [body, head]
  const kept = new Sequential(head.layers.slice(0, keptLayers))
  const features = head.layers[keptLayers - 1]!.linear.weight.shape[1]!
  return [new HeadedEncoder(body, kept, features), new Sequential(head.layers.slice(keptLayers))]
}
