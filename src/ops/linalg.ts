import { NumericError, ShapeError } from '../device/errors.js'
import { tensor } from '../tensor/create.js'
import { cholesky64, eigh64 } from '../tensor/linalg.js'
import { show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'

/** How far float32 sums of a product like X·Xᵀ may leave it from symmetric, beside its largest element. */
const ASYMMETRY = 1e-4

export interface EigenTensors {
  /** float32 [d], ascending. */
  readonly values: Tensor
  /** float32 [d, d]; column k belongs to values[k]. */
  readonly vectors: Tensor
}

/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix, found on the host in float64 after a read. No
 * gradient. The sign of an eigenvector, and the basis of a repeated eigenvalue, are any.
 *
 * @param x float32 [d, d]; (x + xᵀ) / 2 is taken
 * @throws ShapeError when not square, NumericError when not symmetric or not finite, DtypeError
 */
export async function eigh(x: Tensor): Promise<EigenTensors> {
  const { matrix, d } = await symmetric('eigh', x)
  const { values, vectors } = eigh64(matrix, d)
  const { device } = x
  return {
    values: tensor(Float32Array.from(values), { device }),
    vectors: tensor(Float32Array.from(vectors), { shape: [d, d], device }),
  }
}

/**
 * The lower triangular factor L with L·Lᵀ = x, found on the host in float64 after a read. No gradient.
 *
 * @param x float32 [d, d]
 * @throws ShapeError when not square, NumericError when not symmetric or not positive definite, DtypeError
 */
export async function cholesky(x: Tensor): Promise<Tensor> {
  const { matrix, d } = await symmetric('cholesky', x)
  return tensor(Float32Array.from(cholesky64(matrix, d)), { shape: [d, d], device: x.device })
}

async function symmetric(op: string, x: Tensor): Promise<{ matrix: Float64Array; d: number }> {
  wantDtype(op, 'float32', x)
  const [d, other] = x.shape
  if (x.rank !== 2 || d !== other) throw new ShapeError(`${op}: wants a square matrix, got ${show(x.shape)}`)
  const matrix = Float64Array.from(await x.data())
  if (!matrix.every(Number.isFinite)) throw new NumericError(`${op}: wants finite elements, got NaN or Infinity`)
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (let i = 0; i < d!; i++) {
    for (let j = 0; j < i; j++) {
      const below = matrix[i * d! + j]!
      const above = matrix[j * d! + i]!
      if (Math.abs(below - above) > ASYMMETRY * largest) {
        throw new NumericError(
          `${op}: wants a symmetric matrix, got ${below} at [${i},${j}] and ${above} at [${j},${i}]; take (x + xᵀ) / 2`,
        )
      }
      matrix[i * d! + j] = (below + above) / 2
      matrix[j * d! + i] = (below + above) / 2
    }
  }
  return { matrix, d: d! }
}
