import { type Array64, type Reference, rowsOf, zeros } from './array.js'

export interface NormalizeAttributes {
  epsilon?: number
}

function norms(x: Array64): Float64Array {
  const { rows, columns } = rowsOf(x)
  return Float64Array.from({ length: rows }, (_, row) =>
    Math.sqrt(x.data.subarray(row * columns, (row + 1) * columns).reduce((sum, v) => sum + v * v, 0)),
  )
}

/** x / max(‖x‖, ε) over the last axis, as PyTorch's `normalize`. */
export const l2normalize: Reference<NormalizeAttributes> = {
  forward([x], { epsilon = 1e-12 }) {
    const { columns } = rowsOf(x!)
    const length = norms(x!)
    return { shape: x!.shape, data: x!.data.map((v, i) => v / Math.max(length[Math.floor(i / columns)]!, epsilon)) }
  },
  gradient([x], { epsilon = 1e-12 }, { data: dy }) {
    const { rows, columns } = rowsOf(x!)
    const length = norms(x!)
    const dx = zeros(x!.shape)
    for (let row = 0; row < rows; row++) {
      const scale = 1 / Math.max(length[row]!, epsilon)
      let along = 0
      for (let c = 0; c < columns; c++) along += dy[row * columns + c]! * x!.data[row * columns + c]! * scale
      for (let c = 0; c < columns; c++) {
        const i = row * columns + c
        // Below ε the divisor is a constant.
        const radial = length[row]! > epsilon ? along * x!.data[i]! * scale : 0
        dx.data[i] = scale * (dy[i]! - radial)
      }
    }
    return [dx]
  },
}

/** [N, D], [M, D] → [N, M]: the cosine of the angle between every row of one and every row of the other. */
export const cosineSimilarity: Reference<NormalizeAttributes> = {
  forward([a, b], attributes) {
    const p = l2normalize.forward([a!], attributes)
    const q = l2normalize.forward([b!], attributes)
    const { rows: n, columns } = rowsOf(p)
    const { rows: m } = rowsOf(q)
    const y = zeros([n, m])
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++)
        for (let c = 0; c < columns; c++) y.data[i * m + j]! += p.data[i * columns + c]! * q.data[j * columns + c]!
    return y
  },
  gradient([a, b], attributes, { data: dy }) {
    const p = l2normalize.forward([a!], attributes)
    const q = l2normalize.forward([b!], attributes)
    const { rows: n, columns } = rowsOf(p)
    const { rows: m } = rowsOf(q)
    const dp = zeros(p.shape)
    const dq = zeros(q.shape)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++)
        for (let c = 0; c < columns; c++) {
          dp.data[i * columns + c]! += dy[i * m + j]! * q.data[j * columns + c]!
          dq.data[j * columns + c]! += dy[i * m + j]! * p.data[i * columns + c]!
        }
    return [l2normalize.gradient([a!], attributes, dp)[0]!, l2normalize.gradient([b!], attributes, dq)[0]!]
  },
}
