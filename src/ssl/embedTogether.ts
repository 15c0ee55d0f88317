import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { concat, split } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Encoder } from './method.js'

/** Two views of every image of a batch, embedded. */
export interface Embedded {
  /** [2B, D], rows of length 1: those of view a, then those of view b. */
  readonly z: Tensor
  /** The two halves of z. */
  readonly embedding: Tensor
  readonly positives: Tensor
  /** [B, F] of view a. */
  readonly features: Tensor
}

/** Both views go through the network as one batch, so that batch norm sees them together, as in SimCLR's official code. */
export function embedTogether(encoder: Encoder, projector: Module, [a, b]: readonly [Tensor, Tensor]): Embedded {
  const features = encoder.forward(concat([a, b], 0))
  const z = l2normalize(projector.forward(features))
  const [embedding, positives] = split(z, 2)
  return { z, embedding, positives, features: split(features, 2)[0] }
}
