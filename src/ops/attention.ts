import { ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { mul } from './elementwise.js'
import { matmul } from './matmul.js'
import { softmax } from './softmax.js'

/**
 * softmax(Q·Kᵀ / √d)·V (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762, equation 1), for each head of each
 * image: what a query takes from the values, in shares by how much it resembles their keys.
 *
 * @param queries [..., T, d]
 * @param keys [..., S, d]
 * @param values [..., S, e]
 * @returns [..., T, e]
 * @throws ShapeError, DtypeError
 */
export function attention(queries: Tensor, keys: Tensor, values: Tensor): Tensor {
  if (!sameShape(keys.shape.slice(0, -1), values.shape.slice(0, -1))) {
    throw new ShapeError(`attention: wants a value for each key, got ${show(keys.shape)} and ${show(values.shape)}`)
  }
  // On the queries, of which there are fewer elements than products.
  const scaled = mul(queries, 1 / Math.sqrt(queries.shape.at(-1)!))
  return matmul(softmax(matmul(scaled, keys, { transposeB: true })), values)
}
