import { ShapeError } from '../device/errors.js'
import { show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { div, maximum, mul, sqrt } from './elementwise.js'
import { matmul } from './matmul.js'
import { sum } from './sum.js'

export interface NormalizeOptions {
  /** Rows shorter than this are divided by it instead; at least 1e-18, whose square float32 still holds. */
  readonly epsilon?: number
}

/** x / max(‖x‖, epsilon) over the last axis of x [..., D]. Made of ops, so of any order. @throws ShapeError, DtypeError */
export function l2normalize(x: Tensor, { epsilon = 1e-12 }: NormalizeOptions = {}): Tensor {
  wantDtype('l2normalize', 'float32', x)
  if (x.rank === 0) throw new ShapeError('l2normalize: wants x [..., D], got a scalar')
  const squares = sum(mul(x, x), -1, { keepDims: true })
  // The bound goes under the root, where its gradient is finite for a row of zeros.
  return div(x, sqrt(maximum(squares, epsilon * epsilon)))
}

/**
 * The cosine of the angle between every row of a [N, D] and every row of b [M, D]: [N, M].
 * @throws ShapeError, DtypeError
 */
export function cosineSimilarity(a: Tensor, b: Tensor, options?: NormalizeOptions): Tensor {
  if (a.rank !== 2 || b.rank !== 2 || a.shape[1] !== b.shape[1]) {
    throw new ShapeError(`cosineSimilarity: wants [N,D] and [M,D], got ${show(a.shape)} and ${show(b.shape)}`)
  }
  // Neighbours differ in the last digits, which bfloat16 does not have.
  return matmul(l2normalize(a, options), l2normalize(b, options), { transposeB: true, precision: 'float32' })
}
