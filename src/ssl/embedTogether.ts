import { inChunks } from '../nn/chunks.js'
import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { concat, reshape, slice, split, transpose } from '../ops/shape.js'
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

/**
 * Both views go through the network as one batch, so that batch norm sees them together, as in SimCLR's official code;
 * with `chunks`, both views of B / chunks images at a time (`inChunks`).
 *
 * @throws ShapeError where the chunks do not divide the batch
 */
export function embedTogether(
  encoder: Encoder,
  projector: Module,
  [a, b]: readonly [Tensor, Tensor],
  chunks = 1,
): Embedded {
  const [batch, width] = [a.shape[0]!, encoder.featureDimension]
  // Of a chunk one tensor is kept: features and projections side by side.
  const rows = inChunks([encoder, projector], [a, b], chunks, (a, b) => {
    const features = encoder.forward(concat([a, b], 0))
    return concat([features, projector.forward(features)], 1)
  })
  const both = viewByView(rows, chunks)
  const features = slice(both, [0, 0], [batch, width])
  const z = l2normalize(slice(both, [0, width], [2 * batch, both.shape[1]! - width]))
  const [embedding, positives] = split(z, 2)
  return { z, embedding, positives, features }
}

/** Rows in the order [chunk, view, image], in the order [view, chunk, image]. */
function viewByView(rows: Tensor, chunks: number): Tensor {
  const [count, columns] = rows.shape as [number, number]
  return reshape(transpose(reshape(rows, [chunks, 2, count / chunks / 2, columns]), [1, 0, 2, 3]), [count, columns])
}
