import type { Module } from '../nn/module.js'
import { concat, split } from '../ops/shape.js'
import { show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Encoder } from './method.js'

/** Of every view [B, …], in the order of the views. */
export interface Encoded {
  readonly features: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/**
 * Views of several sizes through an encoder and a head: one pass of the encoder for all views of a size, one of the head
 * for all views, as SwAV's and DINO's official code have it. So batch norm sees the views of a size together.
 */
export function encodeBySize(encoder: Encoder, head: Module, views: readonly Tensor[]): Encoded {
  const sizes = [...new Set(views.map(({ shape }) => show(shape)))]
  const features: Tensor[] = []
  for (const size of sizes) {
    const places = views.flatMap(({ shape }, i) => (show(shape) === size ? [i] : []))
    const together = encoder.forward(
      concat(
        places.map(i => views[i]!),
        0,
      ),
    )
    split(together, places.length).forEach((part, k) => {
      features[places[k]!] = part
    })
  }
  return { features, outputs: split(head.forward(concat(features, 0)), features.length) }
}
