import { type Array64, broadcastShape, broadcastSource, map, type Reference, sizeOf, unravel, zeros } from './array.js'

export interface MatmulAttributes {
  transposeA?: boolean
  transposeB?: boolean
  relu?: boolean
}

interface Problem {
  m: number
  n: number
  k: number
  batch: number[]
  /** Position of element (row, k) of op(A), and (k, column) of op(B), in batch `index`. */
  atA(index: number[], row: number, inner: number): number
  atB(index: number[], inner: number, column: number): number
}

function problem(a: Array64, b: Array64, { transposeA = false, transposeB = false }: MatmulAttributes): Problem {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number]
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number]
  const batchA = a.shape.slice(0, -2)
  const batchB = b.shape.slice(0, -2)
  return {
    m: transposeA ? columnsA : rowsA,
    k: transposeA ? rowsA : columnsA,
    n: transposeB ? rowsB : columnsB,
    batch: broadcastShape(batchA, batchB),
    atA(index, row, inner) {
      const [i, j] = transposeA ? [inner, row] : [row, inner]
      return (broadcastSource(index, batchA) * rowsA + i) * columnsA + j
    },
    atB(index, inner, column) {
      const [i, j] = transposeB ? [column, inner] : [inner, column]
      return (broadcastSource(index, batchB) * rowsB + i) * columnsB + j
    },
  }
}

/** C = relu(op(A) · op(B) + bias [n] + residual), inputs A and B and more of the four; leading axes are batches, broadcast. */
export const matmul: Reference<MatmulAttributes> = {
  forward([a, b, bias, residual], attributes) {
    const { m, n, k, batch, atA, atB } = problem(a!, b!, attributes)
    const y = zeros([...batch, m, n])
    for (let o = 0; o < sizeOf(batch); o++) {
      const index = unravel(o, batch)
      for (let row = 0; row < m; row++)
        for (let column = 0; column < n; column++) {
          let sum = bias ? bias.data[column]! : 0
          for (let inner = 0; inner < k; inner++)
            sum += a!.data[atA(index, row, inner)]! * b!.data[atB(index, inner, column)]!
          const at = (o * m + row) * n + column
          if (residual) sum += residual.data[at]!
          y.data[at] = attributes.relu ? Math.max(sum, 0) : sum
        }
    }
    return y
  },
  gradient([a, b, bias, residual], attributes, dy) {
    const { m, n, k, batch, atA, atB } = problem(a!, b!, attributes)
    const da = zeros(a!.shape)
    const db = zeros(b!.shape)
    const dbias = zeros([n])
    // The gradient of what ReLU was given.
    const inner = map(dy, g => g)
    if (attributes.relu) {
      const y = matmul.forward(
        [a!, b!, bias, residual].filter(input => input !== undefined),
        attributes,
      )
      y.data.forEach((value, i) => {
        if (value === 0) inner.data[i] = 0
      })
    }
    for (let o = 0; o < sizeOf(batch); o++) {
      const index = unravel(o, batch)
      for (let row = 0; row < m; row++)
        for (let column = 0; column < n; column++) {
          const g = inner.data[(o * m + row) * n + column]!
          dbias.data[column]! += g
          for (let q = 0; q < k; q++) {
            const i = atA(index, row, q)
            const j = atB(index, q, column)
            da.data[i]! += g * b!.data[j]!
            db.data[j]! += g * a!.data[i]!
          }
        }
    }
    return [da, db, ...(bias ? [dbias] : []), ...(residual ? [inner] : [])]
  },
}
