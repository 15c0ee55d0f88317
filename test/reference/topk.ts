import { type Array64, type Reference, rowsOf, zeros } from './array.js'

/** The columns of the k largest values of every row, descending; of equals the lower column first. */
export function topKIndices(x: Array64, k: number): Array64 {
  const { rows, columns } = rowsOf(x)
  const indices = zeros([rows, k])
  for (let row = 0; row < rows; row++) {
    const value = (column: number) => x.data[row * columns + column]!
    const order = Array.from({ length: columns }, (_, column) => column)
    order.sort((i, j) => value(j) - value(i) || i - j)
    indices.data.set(order.slice(0, k), row * k)
  }
  return indices
}

export interface TopKAttributes {
  k: number
}

/** The k largest values of every row, descending. */
export const topKValues: Reference<TopKAttributes> = {
  forward([x], { k }) {
    const { columns } = rowsOf(x!)
    const { shape, data } = topKIndices(x!, k)
    return { shape, data: data.map((column, i) => x!.data[Math.floor(i / k) * columns + column]!) }
  },
  gradient([x], { k }, outputGradient) {
    const { columns } = rowsOf(x!)
    const dx = zeros(x!.shape)
    topKIndices(x!, k).data.forEach((column, i) => {
      dx.data[Math.floor(i / k) * columns + column] = outputGradient.data[i]!
    })
    return [dx]
  },
}

/** [N, D] · [M, D]ᵀ → [N, M]. */
export function similarity(queries: Array64, keys: Array64): Array64 {
  const { rows: n, columns } = rowsOf(queries)
  const { rows: m } = rowsOf(keys)
  const y = zeros([n, m])
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++)
      for (let c = 0; c < columns; c++)
        y.data[i * m + j]! += queries.data[i * columns + c]! * keys.data[j * columns + c]!
  return y
}
