import { concat, split } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'

/** A tensor [B, …] for each of two views of every image. */
export type Pair = readonly [Tensor, Tensor]

/** A network on both views: as one batch of 2B, which batch norm sees together, or on one after the other. */
export function eachView(views: Pair, { jointBatch }: { jointBatch: boolean }, network: (x: Tensor) => Tensor): Pair {
  return jointBatch ? split(network(concat(views, 0)), 2) : [network(views[0]), network(views[1])]
}
