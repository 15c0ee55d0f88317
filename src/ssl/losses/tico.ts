import { ShapeError } from '../../device/errors.js'
import { add, mul, sub } from '../../ops/elementwise.js'
import { matmul } from '../../ops/matmul.js'
import { l2normalize } from '../../ops/normalize.js'
import { sum } from '../../ops/sum.js'
import { sameShape, show } from '../../tensor/shape.js'
import { stopGradient } from '../../tensor/tape.js'
import { type Tensor, wantDtype } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'

export interface TicoOptions {
  /** β: how much of the covariance is kept from step to step. */
  readonly covarianceMomentum: number
  /** ρ: the weight of the covariance contrast. */
  readonly rho: number
}

/**
 * TiCo's loss (Zhu et al., 2022, https://arxiv.org/abs/2206.10698, algorithm 1): with ẑ the rows of length 1
 * and C ← β·C + (1 − β)·mean of ẑaẑaᵀ, a moving average of the second moments,
 *
 *   mean over rows of −ẑa·ẑb + ρ·ẑaᵀCẑa
 *
 * The gradient passes through the batch's own part of C, not through what was there before.
 *
 * @param a float32 [B, D] of the trained network
 * @param b [B, D] of the momentum encoder
 * @param covariance C [D, D] of the steps before, zeros at first; not changed
 * @returns the loss, a scalar made of ops, and the new C
 * @throws ShapeError, DtypeError
 */
export function tico(
  a: Tensor,
  b: Tensor,
  covariance: Tensor,
  { covarianceMomentum, rho }: TicoOptions,
): { loss: Tensor; covariance: Tensor } {
  const { rows, columns } = wantPairs('tico', a, b)
  wantDtype('tico', 'float32', covariance)
  if (!sameShape(covariance.shape, [columns, columns])) {
    throw new ShapeError(
      `tico: views ${show(a.shape)} want a covariance [${columns},${columns}], got ${show(covariance.shape)}`,
    )
  }
  const [x, y] = [l2normalize(a), l2normalize(b)]
  const moments = mul(matmul(x, x, { transposeA: true, precision: 'float32' }), 1 / rows)
  const next = add(mul(stopGradient(covariance), covarianceMomentum), mul(moments, 1 - covarianceMomentum))
  // The mean of xᵀCx over rows x is Σ C ∘ moments: D² products instead of B·D².
  const contrast = sum(mul(next, moments))
  const similarity = mul(sum(mul(x, y)), 1 / rows)
  return { loss: sub(mul(contrast, rho), similarity), covariance: stopGradient(next) }
}
