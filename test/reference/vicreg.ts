import { type Array64, type Reference, rowsOf, zeros } from './array.js'

export interface VicregAttributes {
  invariance: number
  variance: number
  covariance: number
}

const EPSILON = 1e-4

function centred(z: Array64): Array64 {
  const { rows, columns } = rowsOf(z)
  const mean = new Float64Array(columns)
  z.data.forEach((v, i) => {
    mean[i % columns]! += v / rows
  })
  return { shape: z.shape, data: z.data.map((v, i) => v - mean[i % columns]!) }
}

/** Unbiased covariance [D, D] of centred rows. */
function covarianceOf(x: Array64): Float64Array {
  const { rows, columns } = rowsOf(x)
  const c = new Float64Array(columns * columns)
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < columns; p++)
      for (let q = 0; q < columns; q++)
        c[p * columns + q]! += (x.data[i * columns + p]! * x.data[i * columns + q]!) / (rows - 1)
  return c
}

/** ½ · mean of max(0, 1 − √(variance + ε)), and Σ_{i≠j} C_ij² / D, each with its weight. */
function spread(z: Array64, { variance, covariance }: VicregAttributes): number {
  const { columns } = rowsOf(z)
  return covarianceOf(centred(z)).reduce((sum, v, at) => {
    const onDiagonal = at % columns === Math.floor(at / columns)
    const hinge = Math.max(0, 1 - Math.sqrt(v + EPSILON))
    return sum + (onDiagonal ? (0.5 * variance * hinge) / columns : (covariance * v * v) / columns)
  }, 0)
}

function gradientOfSpread(z: Array64, { variance, covariance }: VicregAttributes): Array64 {
  const { rows, columns } = rowsOf(z)
  const x = centred(z)
  const dc = covarianceOf(x).map((v, at) => {
    if (at % columns !== Math.floor(at / columns)) return (2 * covariance * v) / columns
    const deviation = Math.sqrt(v + EPSILON)
    return deviation < 1 ? (-0.5 * variance) / columns / (2 * deviation) : 0
  })
  // dx = 2 x · dC / (B − 1), dC being symmetric; its columns have mean 0 as those of x do.
  const dz = zeros(z.shape)
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < columns; p++)
      for (let q = 0; q < columns; q++)
        dz.data[i * columns + p]! += (2 * dc[p * columns + q]! * x.data[i * columns + q]!) / (rows - 1)
  return dz
}

/** Bardes et al. (2022) as in the official code, of [B, D] and [B, D]. */
export const vicreg: Reference<VicregAttributes> = {
  forward([a, b], weights) {
    const distance = a!.data.reduce((sum, v, i) => sum + (v - b!.data[i]!) ** 2, 0) / a!.data.length
    const loss = weights.invariance * distance + spread(a!, weights) + spread(b!, weights)
    return { shape: [], data: Float64Array.of(loss) }
  },
  gradient([a, b], weights, { data: dy }) {
    const one = (z: Array64, other: Array64): Array64 => {
      const own = gradientOfSpread(z, weights)
      const pull = (2 * weights.invariance) / z.data.length
      return { shape: z.shape, data: own.data.map((v, i) => (v + pull * (z.data[i]! - other.data[i]!)) * dy[0]!) }
    }
    return [one(a!, b!), one(b!, a!)]
  },
}
