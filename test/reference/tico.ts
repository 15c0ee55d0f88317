import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { l2normalize } from './normalize.js'

export interface TicoAttributes {
  covarianceMomentum: number
  rho: number
}

/** β·C + (1 − β)·mean of ẑẑᵀ over the rows of z [B, D]. */
export function ticoCovariance(z: Array64, before: Array64, beta: number): Array64 {
  const { rows, columns } = rowsOf(z)
  const x = l2normalize.forward([z], {}).data
  const next = { shape: [columns, columns], data: before.data.map(v => beta * v) }
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < columns; p++)
      for (let q = 0; q < columns; q++)
        next.data[p * columns + q]! += ((1 - beta) * x[i * columns + p]! * x[i * columns + q]!) / rows
  return next
}

/** x · (C + Cᵀ) of one row of x. */
function product(x: Float64Array, c: Array64): Float64Array {
  const d = x.length
  return x.map((_, p) => x.reduce((sum, v, q) => sum + v * (c.data[p * d + q]! + c.data[q * d + p]!), 0))
}

/** Zhu et al. (2022), algorithm 1, of a [B, D], b [B, D] and the covariance [D, D] of the steps before. */
export const tico: Reference<TicoAttributes> = {
  forward([a, b, before], { covarianceMomentum, rho }) {
    const { rows, columns } = rowsOf(a!)
    const [x, y] = [a!, b!].map(z => l2normalize.forward([z], {}).data)
    const c = ticoCovariance(a!, before!, covarianceMomentum)
    let loss = 0
    for (let i = 0; i < rows; i++) {
      const row = x!.subarray(i * columns, (i + 1) * columns)
      const quadratic = product(row, c).reduce((sum, v, p) => sum + 0.5 * v * row[p]!, 0)
      const similarity = row.reduce((sum, v, p) => sum + v * y![i * columns + p]!, 0)
      loss += (rho * quadratic - similarity) / rows
    }
    return { shape: [], data: Float64Array.of(loss) }
  },
  gradient([a, b, before], { covarianceMomentum: beta, rho }, { data: dy }) {
    const { rows, columns } = rowsOf(a!)
    const [x, y] = [a!, b!].map(z => l2normalize.forward([z], {}).data)
    const c = ticoCovariance(a!, before!, beta)
    // C itself moves by (1 − β)·ẑẑᵀ/B: its share of the gradient is that of ẑᵀMẑ with M = (1 − β)·the batch's moments.
    const moments = ticoCovariance(a!, zeros(c.shape), 0)
    const [dx, dz] = [zeros(a!.shape), zeros(b!.shape)]
    for (let i = 0; i < rows; i++) {
      const row = x!.subarray(i * columns, (i + 1) * columns)
      const [own, through] = [product(row, c), product(row, moments)]
      for (let p = 0; p < columns; p++) {
        const at = i * columns + p
        dx.data[at] = ((rho * (own[p]! + (1 - beta) * through[p]!) - y![at]!) / rows) * dy[0]!
        dz.data[at] = (-x![at]! / rows) * dy[0]!
      }
    }
    return [l2normalize.gradient([a!], {}, dx)[0]!, l2normalize.gradient([b!], {}, dz)[0]!, null]
  },
}
