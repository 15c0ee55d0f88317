import { type Array64, type Reference, rowsOf, zeros } from './array.js'

export interface BarlowTwinsAttributes {
  lambda: number
}

const EPSILON = 1e-5

/** Every column with mean 0 and deviation 1, and what it was divided by. */
function standardised(z: Array64): { x: Array64; scale: Float64Array } {
  const { rows, columns } = rowsOf(z)
  const x = zeros(z.shape)
  const scale = new Float64Array(columns)
  for (let c = 0; c < columns; c++) {
    const column = Array.from({ length: rows }, (_, i) => z.data[i * columns + c]!)
    const mean = column.reduce((sum, v) => sum + v, 0) / rows
    const variance = column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rows
    scale[c] = Math.sqrt(variance + EPSILON)
    column.forEach((v, i) => {
      x.data[i * columns + c] = (v - mean) / scale[c]!
    })
  }
  return { x, scale }
}

/** The gradient of z from that of its standardised columns. */
function throughStandardisation({ x, scale }: ReturnType<typeof standardised>, dx: Array64): Array64 {
  const { rows, columns } = rowsOf(x)
  const dz = zeros(x.shape)
  for (let c = 0; c < columns; c++) {
    let mean = 0
    let along = 0
    for (let i = 0; i < rows; i++) {
      mean += dx.data[i * columns + c]! / rows
      along += (dx.data[i * columns + c]! * x.data[i * columns + c]!) / rows
    }
    for (let i = 0; i < rows; i++) {
      const at = i * columns + c
      dz.data[at] = (dx.data[at]! - mean - x.data[at]! * along) / scale[c]!
    }
  }
  return dz
}

function correlations(x: Array64, y: Array64): Float64Array {
  const { rows, columns } = rowsOf(x)
  const c = new Float64Array(columns * columns)
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < columns; p++)
      for (let q = 0; q < columns; q++)
        c[p * columns + q]! += (x.data[i * columns + p]! * y.data[i * columns + q]!) / rows
  return c
}

/** Zbontar et al. (2021), equation 1: Σ (1 − c_ii)² + λ Σ_{i≠j} c_ij² of the correlations c of [B, D] and [B, D]. */
export const barlowTwins: Reference<BarlowTwinsAttributes> = {
  forward([a, b], { lambda }) {
    const { columns } = rowsOf(a!)
    const c = correlations(standardised(a!).x, standardised(b!).x)
    const loss = c.reduce((sum, v, at) => {
      const onDiagonal = at % columns === Math.floor(at / columns)
      return sum + (onDiagonal ? (1 - v) ** 2 : lambda * v * v)
    }, 0)
    return { shape: [], data: Float64Array.of(loss) }
  },
  gradient([a, b], { lambda }, { data: dy }) {
    const { rows, columns } = rowsOf(a!)
    const [first, second] = [standardised(a!), standardised(b!)]
    const c = correlations(first.x, second.x)
    const dc = c.map((v, at) => {
      const onDiagonal = at % columns === Math.floor(at / columns)
      return (onDiagonal ? -2 * (1 - v) : 2 * lambda * v) * dy[0]!
    })
    const [dx, dz] = [zeros(a!.shape), zeros(b!.shape)]
    for (let i = 0; i < rows; i++)
      for (let p = 0; p < columns; p++)
        for (let q = 0; q < columns; q++) {
          const g = dc[p * columns + q]! / rows
          dx.data[i * columns + p]! += g * second.x.data[i * columns + q]!
          dz.data[i * columns + q]! += g * first.x.data[i * columns + p]!
        }
    return [throughStandardisation(first, dx), throughStandardisation(second, dz)]
  },
}
