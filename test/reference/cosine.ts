import { type Array64, type Reference, rowsOf, zeros } from './array.js'

/** Below this a length counts as it: what the engine's `l2normalize` has. */
const SHORTEST = 1e-12

function row(x: Array64, i: number): { length: number; unit: number[] } {
  const { columns } = rowsOf(x)
  const values = [...x.data.subarray(i * columns, (i + 1) * columns)]
  const length = Math.max(SHORTEST, Math.sqrt(values.reduce((sum, v) => sum + v * v, 0)))
  return { length, unit: values.map(v => v / length) }
}

/** `from` + `slope` · the mean over rows of cos(a, b), a and b [N, D]. */
function meanCosine(from: number, slope: number): Reference {
  return {
    forward([a, b]) {
      const { rows } = rowsOf(a!)
      let sum = 0
      for (let i = 0; i < rows; i++) {
        const other = row(b!, i).unit
        sum += row(a!, i).unit.reduce((dot, v, c) => dot + v * other[c]!, 0)
      }
      return { shape: [], data: Float64Array.of(from + (slope * sum) / rows) }
    },
    // ∂cos(a, b)/∂a = (b̂ − cos·â) / ‖a‖: the part of b̂ that is at right angles to a.
    gradient([a, b], _, { data: dy }) {
      const { rows, columns } = rowsOf(a!)
      const [da, db] = [zeros(a!.shape), zeros(b!.shape)]
      for (let i = 0; i < rows; i++) {
        const [p, q] = [row(a!, i), row(b!, i)]
        const cosine = p.unit.reduce((dot, v, c) => dot + v * q.unit[c]!, 0)
        for (let c = 0; c < columns; c++) {
          const scale = (slope * dy[0]!) / rows
          da.data[i * columns + c] = (scale * (q.unit[c]! - cosine * p.unit[c]!)) / p.length
          db.data[i * columns + c] = (scale * (p.unit[c]! - cosine * q.unit[c]!)) / q.length
        }
      }
      return [da, db]
    },
  }
}

/** Grill et al. (2020), equation 2: 2 − 2·cos. */
export const normalizedDistance = meanCosine(2, -2)

/** Chen & He (2021), equation 1: −cos. */
export const negativeCosine = meanCosine(0, -1)
