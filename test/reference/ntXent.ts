import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { logSumExp } from './softmax.js'

export interface NtXentAttributes {
  temperature: number
}

/** z·zᵀ / T without the diagonal: row i holds the 2B − 1 others, in order. */
function others(z: Array64, temperature: number): { column: number; value: number }[][] {
  const { rows, columns } = rowsOf(z)
  return Array.from({ length: rows }, (_, i) => {
    const row: { column: number; value: number }[] = []
    for (let j = 0; j < rows; j++) {
      if (j === i) continue
      let dot = 0
      for (let c = 0; c < columns; c++) dot += z.data[i * columns + c]! * z.data[j * columns + c]!
      row.push({ column: j, value: dot / temperature })
    }
    return row
  })
}

/**
 * Chen et al. (2020), equation 1: the mean over the 2B rows of −log softmax, over the 2B − 1 others, of the similarity
 * to the other view of the same image. z [2B, D]: rows of view a, then those of view b.
 */
export const ntXent: Reference<NtXentAttributes> = {
  forward([z], { temperature }) {
    const { rows } = rowsOf(z!)
    let sum = 0
    others(z!, temperature).forEach((row, i) => {
      const positive = row.find(({ column }) => column === (i + rows / 2) % rows)!
      sum += logSumExp(row.map(({ value }) => value)) - positive.value
    })
    return { shape: [], data: Float64Array.of(sum / rows) }
  },
  gradient([z], { temperature }, { data: dy }) {
    const { rows, columns } = rowsOf(z!)
    const dz = zeros(z!.shape)
    others(z!, temperature).forEach((row, i) => {
      const total = logSumExp(row.map(({ value }) => value))
      for (const { column: j, value } of row) {
        const positive = j === (i + rows / 2) % rows ? 1 : 0
        const g = ((Math.exp(value - total) - positive) / rows / temperature) * dy[0]!
        for (let c = 0; c < columns; c++) {
          dz.data[i * columns + c]! += g * z!.data[j * columns + c]!
          dz.data[j * columns + c]! += g * z!.data[i * columns + c]!
        }
      }
    })
    return [dz]
  },
}
