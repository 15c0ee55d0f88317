import { NumericError } from '../device/errors.js'

/** Matrices are row-major float64, [d, d] where nothing else is said. */

export interface Eigen {
  /** [d], ascending. */
  readonly values: Float64Array
  /** [d, d]; column k belongs to values[k]. Orthonormal. */
  readonly vectors: Float64Array
}

/** A symmetric tridiagonal matrix T with A = Q T Qᵀ. */
interface Tridiagonal {
  /** [d] */
  readonly diagonal: Float64Array
  /** [d − 1], beside the diagonal. */
  readonly beside: Float64Array
  /** Qᵀ [d, d]: its rows become the eigenvectors. Kept transposed so that a rotation walks along two rows. */
  readonly rows: Float64Array
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to tridiagonal form, then implicit QR
 * steps with Wilkinson's shift (Golub & Van Loan, Matrix Computations, 8.3). About 9·d³ operations. Only the lower
 * triangle is read.
 *
 * @throws NumericError when an element is not finite, so that the iteration cannot end
 */
export function eigh64(matrix: Float64Array, d: number): Eigen {
  if (!matrix.every(Number.isFinite)) throw new NumericError('eigh: wants finite elements, got NaN or Infinity')
  const { diagonal, beside, rows } = tridiagonal(matrix, d)
  for (let end = d - 1; end > 0; ) {
    let begin = end
    while (begin > 0 && !negligible(diagonal, beside, begin - 1)) begin--
    if (begin === end) end--
    else step({ diagonal, beside, rows }, begin, end)
  }
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[a]! - diagonal[b]!)
  const vectors = new Float64Array(d * d)
  order.forEach((from, k) => {
    for (let i = 0; i < d; i++) vectors[i * d + k] = rows[from * d + i]!
  })
  return { values: Float64Array.from(order, k => diagonal[k]!), vectors }
}

function negligible(diagonal: Float64Array, beside: Float64Array, k: number): boolean {
  return (
    Math.abs(beside[k]!) <= Number.EPSILON * (Math.abs(diagonal[k]!) + Math.abs(diagonal[k + 1]!)) + Number.MIN_VALUE
  )
}

/** Reflection k maps column k below the diagonal onto one element: A ← H A H with H = I − scale·v·vᵀ. */
function tridiagonal(matrix: Float64Array, d: number): Tridiagonal {
  const a = lowerMirrored(matrix, d)
  const beside = new Float64Array(Math.max(d - 1, 0))
  const reflections: { v: Float64Array; scale: number }[] = []
  for (let k = 0; k + 1 < d; k++) {
    // a is symmetric: row k right of the diagonal is column k below it.
    const v = a.slice(k * d + k + 1, (k + 1) * d)
    const norm = Math.hypot(...v)
    const tail = Math.hypot(...v.subarray(1))
    if (tail === 0) {
      beside[k] = v[0]!
      reflections.push({ v, scale: 0 })
      continue
    }
    const end = v[0]! > 0 ? -norm : norm
    beside[k] = end
    v[0]! -= end
    const scale = 2 / dot(v, v)
    reflect(a, d, k + 1, v, scale)
    reflections.push({ v, scale })
  }
  const diagonal = Float64Array.from({ length: d }, (_, i) => a[i * d + i]!)
  return { diagonal, beside, rows: productOf(reflections, d) }
}

/** The block of `a` from (at, at) on ← H · block · H: block − v wᵀ − w vᵀ with w = scale·(block·v) − ½·scale²·(vᵀ block v)·v. */
function reflect(a: Float64Array, d: number, at: number, v: Float64Array, scale: number): void {
  const w = v.map((_, i) => scale * dot(a.subarray((at + i) * d + at, (at + i + 1) * d), v))
  const half = 0.5 * scale * dot(w, v)
  for (let i = 0; i < w.length; i++) w[i]! -= half * v[i]!
  for (let i = 0; i < v.length; i++) {
    const row = a.subarray((at + i) * d + at, (at + i + 1) * d)
    const vi = v[i]!
    const wi = w[i]!
    for (let j = 0; j < row.length; j++) row[j]! -= vi * w[j]! + wi * v[j]!
  }
}

/** Qᵀ for Q = H₀ H₁ …, built from the last reflection on, so that each touches only the block it acts on. */
function productOf(reflections: readonly { v: Float64Array; scale: number }[], d: number): Float64Array {
  const rows = new Float64Array(d * d)
  for (let i = 0; i < d; i++) rows[i * d + i] = 1
  for (let k = reflections.length - 1; k >= 0; k--) {
    const { v, scale } = reflections[k]!
    if (scale === 0) continue
    // Q ← H Q is Qᵀ ← Qᵀ H: every row loses its part along v.
    for (let i = k + 1; i < d; i++) {
      const row = rows.subarray(i * d + k + 1, (i + 1) * d)
      const along = scale * dot(row, v)
      for (let j = 0; j < v.length; j++) row[j]! -= along * v[j]!
    }
  }
  return rows
}

/** One implicit QR step on the block begin … end: a bulge is made at its top and chased out at its bottom. */
function step({ diagonal, beside, rows }: Tridiagonal, begin: number, end: number): void {
  const d = diagonal.length
  const last = beside[end - 1]!
  const delta = (diagonal[end - 1]! - diagonal[end]!) / 2
  const shift = diagonal[end]! - (last / (delta + (delta < 0 ? -1 : 1) * Math.hypot(delta, last))) * last
  let x = diagonal[begin]! - shift
  let bulge = beside[begin]!
  for (let k = begin; k < end; k++) {
    const length = Math.hypot(x, bulge)
    const c = length === 0 ? 1 : x / length
    const s = length === 0 ? 0 : bulge / length
    if (k > begin) beside[k - 1] = length
    const p = diagonal[k]!
    const q = diagonal[k + 1]!
    const b = beside[k]!
    diagonal[k] = c * c * p + 2 * c * s * b + s * s * q
    diagonal[k + 1] = s * s * p - 2 * c * s * b + c * c * q
    beside[k] = c * s * (q - p) + (c * c - s * s) * b
    if (k + 1 < end) {
      x = beside[k]!
      bulge = s * beside[k + 1]!
      beside[k + 1]! *= c
    }
    const upper = rows.subarray(k * d, (k + 1) * d)
    const lower = rows.subarray((k + 1) * d, (k + 2) * d)
    for (let i = 0; i < d; i++) {
      const u = upper[i]!
      const l = lower[i]!
      upper[i] = c * u + s * l
      lower[i] = c * l - s * u
    }
  }
}

/**
 * The lower triangular L with L·Lᵀ = A; zeros above the diagonal. Only the lower triangle of `matrix` is read.
 *
 * @throws NumericError when the matrix is not positive definite
 */
export function cholesky64(matrix: Float64Array, d: number): Float64Array {
  const lower = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    const row = lower.subarray(i * d, i * d + i)
    for (let j = 0; j < i; j++) {
      const other = lower.subarray(j * d, j * d + j)
      row[j] = (matrix[i * d + j]! - dot(other, row)) / lower[j * d + j]!
    }
    const pivot = matrix[i * d + i]! - dot(row, row)
    if (!(pivot > 0) || pivot === Number.POSITIVE_INFINITY) {
      throw new NumericError(
        `cholesky: the matrix is not positive definite (pivot ${i} is ${pivot}); add a small multiple of the identity`,
      )
    }
    lower[i * d + i] = Math.sqrt(pivot)
  }
  return lower
}

/**
 * X [d, columns] with L·X = B, or with `transposed` Lᵀ·X = B, for a lower triangular L.
 *
 * @throws NumericError when an element of the diagonal is 0
 */
export function solveTriangular64(
  lower: Float64Array,
  d: number,
  right: Float64Array,
  columns: number,
  transposed = false,
): Float64Array {
  const x = right.slice()
  for (let n = 0; n < d; n++) {
    const i = transposed ? d - 1 - n : n
    const pivot = lower[i * d + i]!
    if (pivot === 0)
      throw new NumericError(`solveTriangular: the matrix is singular, element ${i} of its diagonal is 0`)
    const row = x.subarray(i * columns, (i + 1) * columns)
    for (let m = 0; m < n; m++) {
      const j = transposed ? d - 1 - m : m
      const factor = transposed ? lower[j * d + i]! : lower[i * d + j]!
      for (let column = 0; column < columns; column++) row[column]! -= factor * x[j * columns + column]!
    }
    for (let column = 0; column < columns; column++) row[column]! /= pivot
  }
  return x
}

function lowerMirrored(matrix: Float64Array, d: number): Float64Array {
  const a = matrix.slice()
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) a[j * d + i] = a[i * d + j]!
  return a
}

/** Σ aᵢ·bᵢ over the length of `a`. */
function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
