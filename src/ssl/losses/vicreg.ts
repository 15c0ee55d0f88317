import { add, mul, relu, sqrt, sub } from '../../ops/elementwise.js'
import { mean } from '../../ops/reduce.js'
import { sum } from '../../ops/sum.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'
import { productSquares } from './productSquares.js'

/** ε under the root of the deviation (equation 2). */
export const VICREG_EPSILON = 1e-4

export interface VicregWeights {
  /** λ */
  readonly invariance: number
  /** μ */
  readonly variance: number
  /** ν */
  readonly covariance: number
}

/** Scalars: the loss and, without their weights, the three terms that it is made of. */
export interface VicregTerms {
  readonly loss: Tensor
  readonly invariance: Tensor
  readonly variance: Tensor
  readonly covariance: Tensor
}

/**
 * VICReg's loss (Bardes, Ponce & LeCun, 2022, https://arxiv.org/abs/2105.04906, equation 6), λ·s + μ·v + ν·c, as the
 * official code computes it:
 *
 *   s = mean over rows and dimensions of (a − b)²
 *   v = ½ Σ over both views of the mean over dimensions of max(0, 1 − √(variance + 10⁻⁴))
 *   c = Σ over both views of Σ_{i≠j} C_ij² / D, with C the covariance over the batch
 *
 * The paper has no ½ in v, and solo-learn has none: a `variance` of 50 here is their 25. (The paper's equation 5 sums
 * s over dimensions; its pseudo-code takes the mean.)
 *
 * @param a, b float32 [B, D] with B ≥ 2, not normalised
 * @returns scalars, made of ops
 * @throws ShapeError, DtypeError
 */
export function vicreg(a: Tensor, b: Tensor, weights: VicregWeights): VicregTerms {
  wantPairs('vicreg', a, b, 2)
  const difference = sub(a, b)
  const invariance = mean(mul(difference, difference))
  const [first, second] = [spread(a), spread(b)]
  const variance = mul(add(first.hinge, second.hinge), 0.5)
  const covariance = add(first.covariance, second.covariance)
  const loss = add(
    add(mul(invariance, weights.invariance), mul(variance, weights.variance)),
    mul(covariance, weights.covariance),
  )
  return { loss, invariance, variance, covariance }
}

/** The variance and the covariance term of one view z [B, D]. */
function spread(z: Tensor): { hinge: Tensor; covariance: Tensor } {
  const [rows, columns] = z.shape as [number, number]
  const centred = sub(z, mean(z, 0))
  const variances = mul(sum(mul(centred, centred), 0), 1 / (rows - 1))
  const hinge = mean(relu(sub(1, sqrt(add(variances, VICREG_EPSILON)))))
  const everywhere = mul(productSquares(centred, centred), 1 / (rows - 1) ** 2)
  const covariance = mul(sub(everywhere, sum(mul(variances, variances))), 1 / columns)
  return { hinge, covariance }
}
