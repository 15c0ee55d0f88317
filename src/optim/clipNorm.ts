import { add, div, minimum, mul, type Operand, sqrt } from '../ops/elementwise.js'
import { sum } from '../ops/sum.js'
import type { Tensor } from '../tensor/tensor.js'

// Of the norm, as in PyTorch's and DINO's code: a gradient of zeros stays one.
const EPSILON = 1e-6

/**
 * A gradient of any shape, scaled down to the length `limit` where it is longer (Pascanu, Mikolov & Bengio, 2013,
 * https://arxiv.org/abs/1211.5063). Each parameter's by itself, as DINO clips; over all parameters together, as PyTorch's
 * clip_grad_norm_ does, is another rule. One with an infinite element keeps a number that is not finite.
 */
export function clipNorm(gradient: Tensor, limit: Operand): Tensor {
  const length = sqrt(sum(mul(gradient, gradient)))
  return mul(gradient, minimum(div(limit, add(length, EPSILON)), 1))
}
