import { type Array64, type Reference, rowsOf, zeros } from './array.js'

export interface LayerNormAttributes {
  epsilon?: number
}

/** Every row minus its mean, over its deviation; and one over that deviation. */
function normalise(x: Array64, epsilon: number): { normalised: Float64Array; scale: Float64Array } {
  const { rows, columns } = rowsOf(x)
  const normalised = new Float64Array(x.data.length)
  const scale = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const values = x.data.subarray(row * columns, (row + 1) * columns)
    const mean = values.reduce((sum, v) => sum + v, 0) / columns
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / columns
    scale[row] = 1 / Math.sqrt(variance + epsilon)
    values.forEach((v, c) => {
      normalised[row * columns + c] = (v - mean) * scale[row]!
    })
  }
  return { normalised, scale }
}

/** y = gamma · (x − mean) / √(variance + ε) + beta over the last axis. Inputs [x] or [x, gamma, beta]. */
export const layerNorm: Reference<LayerNormAttributes> = {
  forward([x, gamma, beta], { epsilon = 1e-5 }) {
    const { columns } = rowsOf(x!)
    const { normalised } = normalise(x!, epsilon)
    const affine = (v: number, i: number) =>
      (gamma ? gamma.data[i % columns]! : 1) * v + (beta ? beta.data[i % columns]! : 0)
    return { shape: x!.shape, data: normalised.map(affine) }
  },
  gradient([x, gamma, beta], { epsilon = 1e-5 }, { data: dy }) {
    const { rows, columns } = rowsOf(x!)
    const { normalised, scale } = normalise(x!, epsilon)
    const dx = zeros(x!.shape)
    const dgamma = zeros([columns])
    const dbeta = zeros([columns])
    for (let row = 0; row < rows; row++) {
      let sum = 0
      let projected = 0
      for (let c = 0; c < columns; c++) {
        const i = row * columns + c
        const g = dy[i]! * (gamma ? gamma.data[c]! : 1)
        sum += g / columns
        projected += (g * normalised[i]!) / columns
        dgamma.data[c]! += dy[i]! * normalised[i]!
        dbeta.data[c]! += dy[i]!
      }
      for (let c = 0; c < columns; c++) {
        const i = row * columns + c
        const g = dy[i]! * (gamma ? gamma.data[c]! : 1)
        dx.data[i] = scale[row]! * (g - sum - normalised[i]! * projected)
      }
    }
    return gamma && beta ? [dx, dgamma, dbeta] : [dx]
  },
}
