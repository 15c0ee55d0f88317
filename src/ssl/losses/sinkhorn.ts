import { div, exp, maximum, mul, sub } from '../../ops/elementwise.js'
import { max } from '../../ops/reduce.js'
import { sum } from '../../ops/sum.js'
import { noGrad, stopGradient } from '../../tensor/tape.js'
import type { Tensor } from '../../tensor/tensor.js'

export interface SinkhornOptions {
  /** ε: how soft the assignment is. 0.05 in SwAV. */
  readonly epsilon: number
  /** 3 in SwAV. */
  readonly iterations: number
}

// A row or column whose exponentials have all become 0 stays 0, where 0 / 0 would spoil the others.
const LEAST = 1e-30

/**
 * Assigns B samples to K prototypes as evenly as their scores allow (Caron et al., 2020, section 3.1; Cuturi, 2013): the
 * matrix exp(scores / ε) with its columns scaled to sum to 1/K and its rows to 1/B, in turn. No gradient.
 *
 * @param scores float32 [B, K]
 * @returns [B, K], each row a distribution over the prototypes
 */
export function sinkhorn(scores: Tensor, { epsilon, iterations }: SinkhornOptions): Tensor {
  return noGrad(() => {
    const [samples, prototypes] = scores.shape as [number, number]
    const logits = mul(stopGradient(scores), 1 / epsilon)
    // One factor for the whole matrix: it cancels, and keeps the exponentials in range.
    let q = exp(sub(logits, max(logits)))
    for (let i = 0; i < iterations; i++) {
      q = div(q, mul(maximum(sum(q, 0, { keepDims: true }), LEAST), prototypes))
      q = div(q, mul(maximum(sum(q, 1, { keepDims: true }), LEAST), samples))
    }
    return mul(q, samples)
  })
}
