import { add, div, mul, sqrt, sub } from '../../ops/elementwise.js'
import { mean } from '../../ops/reduce.js'
import { sum } from '../../ops/sum.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'
import { productSquares } from './productSquares.js'

/** Of the batch norm without gamma and beta that comes before the correlation, in the official code. */
const EPSILON = 1e-5

/**
 * Barlow Twins' loss (Zbontar et al., 2021, https://arxiv.org/abs/2103.03230, equation 1): with c = the correlations
 * over the batch of every dimension of one view with every dimension of the other,
 *
 *   Σ (1 − c_ii)² + λ Σ_{i≠j} c_ij²
 *
 * @param a, b float32 [B, D] with B ≥ 2, not normalised
 * @param lambda λ, 0.0051 in the official code
 * @returns a scalar, made of ops
 * @throws ShapeError, DtypeError
 */
export function barlowTwins(a: Tensor, b: Tensor, lambda: number): Tensor {
  const { rows } = wantPairs('barlowTwins', a, b, 2)
  const [x, y] = [standardise(a), standardise(b)]
  const diagonal = mul(sum(mul(x, y), 0), 1 / rows)
  const missing = sub(1, diagonal)
  const everywhere = mul(productSquares(x, y), 1 / rows ** 2)
  const offDiagonal = sub(everywhere, sum(mul(diagonal, diagonal)))
  return add(sum(mul(missing, missing)), mul(offDiagonal, lambda))
}

/** Every dimension of z [B, D] with mean 0 and deviation 1 over the batch. */
function standardise(z: Tensor): Tensor {
  const centred = sub(z, mean(z, 0))
  return div(centred, sqrt(add(mean(mul(centred, centred), 0), EPSILON)))
}
