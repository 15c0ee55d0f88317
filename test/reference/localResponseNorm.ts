import { type Reference, rowsOf, zeros } from './array.js'

export interface LocalResponseNormAttributes {
  size: number
  alpha?: number
  beta?: number
  offset?: number
}

/** y = x · s^(−β), s_c = k + α/n · Σ x_j² over the channels j from c − ⌊n/2⌋ to c + ⌊(n − 1)/2⌋ of x [..., C]. */
export const localResponseNorm: Reference<LocalResponseNormAttributes> = {
  forward([x], attributes) {
    const { beta = 0.75 } = attributes
    const scale = scaleOf(x!.data, rowsOf(x!).columns, attributes)
    return { shape: x!.shape, data: x!.data.map((value, i) => value * scale[i]! ** -beta) }
  },
  gradient([x], attributes, { data: dy }) {
    const { size, alpha = 1e-4, beta = 0.75 } = attributes
    const { columns } = rowsOf(x!)
    const scale = scaleOf(x!.data, columns, attributes)
    const dx = zeros(x!.shape)
    x!.data.forEach((value, i) => {
      dx.data[i]! += dy[i]! * scale[i]! ** -beta
      for (const j of windowOf(i, columns, size)) {
        dx.data[j]! -= ((2 * alpha * beta) / size) * dy[i]! * value * scale[i]! ** (-beta - 1) * x!.data[j]!
      }
    })
    return [dx]
  },
}

/** The positions of the channels around position i of rows of `columns`. */
function windowOf(i: number, columns: number, size: number): number[] {
  const row = Math.floor(i / columns)
  return Array.from({ length: size }, (_, k) => i - Math.floor(size / 2) + k).filter(
    j => j >= 0 && Math.floor(j / columns) === row,
  )
}

function scaleOf(x: Float64Array, columns: number, attributes: LocalResponseNormAttributes): Float64Array {
  const { size, alpha = 1e-4, offset = 1 } = attributes
  return x.map((_, i) => {
    const squares = windowOf(i, columns, size).reduce((sum, j) => sum + x[j]! ** 2, 0)
    return offset + (alpha / size) * squares
  })
}
