import { ConfigError, ShapeError } from '../../device/errors.js'
import { add, mul, sub } from '../../ops/elementwise.js'
import { inverseCholesky } from '../../ops/inverseCholesky.js'
import { matmul } from '../../ops/matmul.js'
import { l2normalize } from '../../ops/normalize.js'
import { mean } from '../../ops/reduce.js'
import { concat, split } from '../../ops/shape.js'
import { sum } from '../../ops/sum.js'
import { show } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'
import { diagonal } from './masks.js'

/** Covariances have small eigenvalues, which bfloat16 would lose. */
const exact = { precision: 'float32' } as const

/**
 * Embeddings with mean 0 and the identity for a covariance: (z − mean)·Wᵀ, W the inverse of the Cholesky factor of
 * (1 − ε)·covariance + ε·I (Siarohin et al., 2019, https://arxiv.org/abs/1806.00420).
 *
 * @param z float32 [N, D]; with ε = 0 more rows than dimensions, or there is no such W and the result is NaN
 * @param epsilon ε, from 0 to below 1
 */
export function whiten(z: Tensor, epsilon = 0): Tensor {
  const [rows, columns] = z.shape as [number, number]
  const centred = sub(z, mean(z, 0))
  const covariance = mul(matmul(centred, centred, { transposeA: true, ...exact }), 1 / (rows - 1))
  const shrunk =
    epsilon === 0 ? covariance : add(mul(covariance, 1 - epsilon), mul(diagonal(columns, z.device), epsilon))
  return matmul(centred, inverseCholesky(shrunk), { transposeB: true, ...exact })
}

export interface WhitenedDistanceOptions {
  /** Rows of a slice, each whitened by itself; a divisor of B, above D where epsilon is 0. */
  readonly size: number
  /** ε of `whiten`. @default 0 */
  readonly epsilon?: number
  /** Whether rows are divided by their lengths, as in the paper's results. @default true */
  readonly normalised?: boolean
}

/**
 * W-MSE (Ermolov et al., 2021, https://arxiv.org/abs/2007.06346, section 3): every slice of every view is whitened, and
 * views of an image are to come out the same. The mean over rows and over pairs of views of 2 − 2·cos, or of the squared
 * distance divided by D where rows are not normalised.
 *
 * @param views at least two float32 [B, D]
 * @returns a scalar, made of ops; NaN where ε is 0 and the rows of a slice have no spread in some direction
 * @throws ShapeError, DtypeError, ConfigError for an epsilon outside [0, 1)
 */
export function whitenedDistance(views: readonly Tensor[], options: WhitenedDistanceOptions): Tensor {
  const { size, epsilon = 0, normalised = true } = options
  const [first, ...others] = views
  if (!first || others.length === 0) throw new ShapeError(`whitenedDistance: wants two views, got ${views.length}`)
  for (const other of others) wantPairs('whitenedDistance', first, other, 2)
  if (!(epsilon >= 0 && epsilon < 1)) {
    throw new ConfigError(`whitenedDistance: wants an epsilon from 0 to below 1, got ${epsilon}`)
  }
  const [rows, columns] = first.shape as [number, number]
  const least = epsilon === 0 ? columns + 1 : 2
  if (!Number.isInteger(rows / size) || size < least) {
    throw new ShapeError(
      `whitenedDistance: views ${show(first.shape)} want slices of at least ${least} rows that divide them, got ${size}`,
    )
  }
  const white = views.map(view => {
    const slices = split(view, rows / size).map(slice => whiten(slice, epsilon))
    return normalised ? l2normalize(concat(slices, 0)) : concat(slices, 0)
  })
  const distances = white.flatMap((x, i) => white.slice(i + 1).map(y => distanceOf(x, y)))
  const scale = normalised ? 1 / rows : 1 / (rows * columns)
  return mul(distances.reduce(add), scale / distances.length)
}

/** Σ (x − y)². */
function distanceOf(x: Tensor, y: Tensor): Tensor {
  const difference = sub(x, y)
  return sum(mul(difference, difference))
}
