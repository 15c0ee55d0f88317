import assert from 'node:assert/strict'
import { NumericError } from '../../src/device/errors.js'
import { cholesky64, eigh64, solveTriangular64 } from '../../src/tensor/linalg.js'
import { generator, normal } from '../reference/random.js'

type Matrix = Float64Array

const random = (d: number, columns: number, seed: number): Matrix =>
  Float64Array.from(normal()(generator(seed), d * columns))

/** A B, a [rows, inner], b [inner, columns]. */
function product(a: Matrix, b: Matrix, rows: number, inner: number, columns: number): Matrix {
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    let sum = 0
    for (let k = 0; k < inner; k++) sum += a[i * inner + k]! * b[k * columns + j]!
    return sum
  })
}

const transposed = (a: Matrix, d: number): Matrix => a.map((_, at) => a[(at % d) * d + Math.floor(at / d)]!)
const diagonal = (values: ArrayLike<number>): Matrix => {
  const d = values.length
  return Float64Array.from({ length: d * d }, (_, at) => (at % (d + 1) === 0 ? values[at / (d + 1)]! : 0))
}
const identity = (d: number) => diagonal(new Array(d).fill(1))
const largest = (a: Matrix) => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

function near(what: string, a: Matrix, b: Matrix, tolerance: number): void {
  const error = largest(a.map((value, i) => value - b[i]!))
  assert.ok(error <= tolerance, `${what}: off by ${error}, allowed ${tolerance}`)
}

function symmetric(d: number, seed: number): Matrix {
  const a = random(d, d, seed)
  const t = transposed(a, d)
  return a.map((value, i) => (value + t[i]!) / 2)
}

/** A V = V Λ, Vᵀ V = I, and the values ascend. */
function checkEigen(what: string, a: Matrix, d: number): Float64Array {
  const { values, vectors } = eigh64(a, d)
  const scale = Math.max(largest(a), Number.MIN_VALUE) * d
  near(`${what}: A V = V Λ`, product(a, vectors, d, d, d), product(vectors, diagonal(values), d, d, d), 1e-14 * scale)
  near(`${what}: orthogonal`, product(transposed(vectors, d), vectors, d, d, d), identity(d), 1e-14 * d)
  for (let k = 1; k < d; k++) assert.ok(values[k - 1]! <= values[k]!, `${what}: ascending`)
  return values
}

describe('linalg in float64', () => {
  it('eigh takes matrices of any size', () => {
    for (const d of [1, 2, 3, 4, 7, 33, 100]) checkEigen(`random ${d}`, symmetric(d, d), d)
  })

  it('eigh finds the values it should', () => {
    near('2x2', eigh64(Float64Array.of(2, 1, 1, 2), 2).values, Float64Array.of(1, 3), 1e-15)
    near('antidiagonal', eigh64(Float64Array.of(0, 1, 1, 0), 2).values, Float64Array.of(-1, 1), 1e-15)
    near('one', eigh64(Float64Array.of(-4), 1).values, Float64Array.of(-4), 0)
    // The second difference on a line of d points: 2 − 2 cos(kπ / (d + 1)).
    const d = 20
    const second = Float64Array.from({ length: d * d }, (_, at) => {
      const distance = Math.abs(Math.floor(at / d) - (at % d))
      return distance === 0 ? 2 : distance === 1 ? -1 : 0
    })
    const expected = Float64Array.from({ length: d }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (d + 1)))
    near('second difference', checkEigen('second difference', second, d), expected, 1e-14)
  })

  it('eigh takes repeated eigenvalues, lost ranks and zeros', () => {
    const d = 12
    checkEigen('zeros', new Float64Array(d * d), d)
    near('identity', checkEigen('identity', identity(d), d), new Float64Array(d).fill(1), 0)
    const { vectors } = eigh64(symmetric(d, 5), d)
    const wanted = Float64Array.of(-3, -3, -3, 0, 0, 0, 0, 2, 2, 2, 2, 5)
    const degenerate = product(product(vectors, diagonal(wanted), d, d, d), transposed(vectors, d), d, d, d)
    near('degenerate', checkEigen('degenerate', degenerate, d), wanted, 1e-13)
    const x = random(d, 2, 9)
    const gram = Float64Array.from({ length: d * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d]
      return x[2 * i]! * x[2 * j]! + x[2 * i + 1]! * x[2 * j + 1]!
    })
    const values = checkEigen('rank two', gram, d)
    assert.ok(values.subarray(0, d - 2).every(value => Math.abs(value) < 1e-13))
    assert.ok(values[d - 2]! > 0.1)
  })

  it('eigh takes very large, very small and badly graded matrices', () => {
    const d = 9
    const a = symmetric(d, 3)
    checkEigen(
      'large',
      a.map(value => value * 1e150),
      d,
    )
    checkEigen(
      'small',
      a.map(value => value * 1e-150),
      d,
    )
    checkEigen(
      'graded',
      a.map((value, at) => value * 10 ** (-2 * (Math.floor(at / d) + (at % d)))),
      d,
    )
  })

  it('eigh refuses what is not finite', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => eigh64(Float64Array.of(1, bad, bad, 1), 2), NumericError)
    }
  })

  it('cholesky gives the lower factor, with zeros above', () => {
    near('2x2', cholesky64(Float64Array.of(4, 2, 2, 10), 2), Float64Array.of(2, 0, 1, 3), 1e-15)
    for (const d of [1, 3, 33]) {
      const x = random(d, d, d)
      const a = product(x, transposed(x, d), d, d, d).map((value, at) => value + (at % (d + 1) === 0 ? 1 : 0))
      const lower = cholesky64(a, d)
      near(`L Lᵀ of ${d}`, product(lower, transposed(lower, d), d, d, d), a, 1e-13 * largest(a))
      for (let i = 0; i < d; i++) for (let j = i + 1; j < d; j++) assert.equal(lower[i * d + j], 0)
    }
  })

  it('cholesky refuses what is not positive definite', () => {
    for (const a of [
      [1, 2, 2, 1],
      [0, 0, 0, 1],
      [-1, 0, 0, 1],
      [1, 1, 1, 1],
      [Number.NaN, 0, 0, 1],
    ]) {
      assert.throws(
        () => cholesky64(Float64Array.from(a), 2),
        /NumericError: cholesky: the matrix is not positive definite/,
      )
    }
  })

  it('solves triangular systems, plain and transposed', () => {
    const [d, columns] = [17, 3]
    const lower = random(d, d, 1).map((value, at) => {
      const [i, j] = [Math.floor(at / d), at % d]
      return j > i ? 0 : i === j ? 3 + Math.abs(value) : value / 4
    })
    const right = random(d, columns, 2)
    const copy = right.slice()
    const plain = solveTriangular64(lower, d, right, columns)
    near('L X = B', product(lower, plain, d, d, columns), right, 1e-13)
    const other = solveTriangular64(lower, d, right, columns, true)
    near('Lᵀ X = B', product(transposed(lower, d), other, d, d, columns), right, 1e-13)
    assert.deepEqual(right, copy)
    assert.throws(
      () => solveTriangular64(Float64Array.of(1, 0, 1, 0), 2, Float64Array.of(1, 1), 1),
      /element 1 .* is 0/,
    )
  })
})
