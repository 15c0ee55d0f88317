import { add, mul } from '../ops/elementwise.js'
import { matmul } from '../ops/matmul.js'
import { transpose } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { LayerOptions } from './initialise.js'
import { Linear } from './linear.js'

/**
 * y = x·W with a symmetric W = (V + Vᵀ) / 2 of the trained V = `weight` [features, features], and no bias. Under gradient
 * descent W goes the way of a weight that is made symmetric after every step, as in Tian et al. (2021, section 3,
 * https://arxiv.org/abs/2102.06810): V's other part never reaches the output.
 */
export class SymmetricLinear extends Linear {
  constructor({ features, ...options }: LayerOptions & { readonly features: number }) {
    super({ ...options, inputs: features, outputs: features, bias: false })
  }

  override forward(x: Tensor): Tensor {
    return matmul(x, mul(add(this.weight, transpose(this.weight)), 0.5))
  }
}
