import { type Array64, type Reference, rowsOf, zeros } from './array.js'

/** log Σ exp of some values, safe for large ones. */
export function logSumExp(values: ArrayLike<number>): number {
  const list = Array.from(values)
  const largest = Math.max(...list)
  return largest + Math.log(list.reduce((sum, v) => sum + Math.exp(v - largest), 0))
}

function logProbabilities(x: Array64): Array64 {
  const { columns } = rowsOf(x)
  const y = zeros(x.shape)
  x.data.forEach((value, i) => {
    const start = i - (i % columns)
    y.data[i] = value - logSumExp(x.data.subarray(start, start + columns))
  })
  return y
}

/** Σ over the last axis of a · b, for the row in which element `i` lies. */
function rowDot(a: Float64Array, b: Float64Array, i: number, columns: number): number {
  const start = i - (i % columns)
  let sum = 0
  for (let j = start; j < start + columns; j++) sum += a[j]! * b[j]!
  return sum
}

/** exp(x) / Σ exp(x) over the last axis. */
export const softmax: Reference = {
  forward: ([x]) => ({ shape: x!.shape, data: logProbabilities(x!).data.map(Math.exp) }),
  gradient([x], _, { data: dy }) {
    const { columns } = rowsOf(x!)
    const p = logProbabilities(x!).data.map(Math.exp)
    return [{ shape: x!.shape, data: p.map((value, i) => value * (dy[i]! - rowDot(dy, p, i, columns))) }]
  },
}

/** x − log Σ exp(x) over the last axis. */
export const logSoftmax: Reference = {
  forward: ([x]) => logProbabilities(x!),
  gradient([x], _, { data: dy }) {
    const { columns } = rowsOf(x!)
    const ones = new Float64Array(dy.length).fill(1)
    const p = logProbabilities(x!).data.map(Math.exp)
    return [{ shape: x!.shape, data: p.map((value, i) => dy[i]! - value * rowDot(dy, ones, i, columns)) }]
  },
}

export interface CrossEntropyAttributes {
  labelSmoothing?: number
}

/** The target distribution of every row: 1 − s at the label, plus s/C everywhere. */
function targets(logits: Array64, labels: Array64, smoothing: number): Float64Array {
  const { columns } = rowsOf(logits)
  return logits.data.map(
    (_, i) => smoothing / columns + (labels.data[Math.floor(i / columns)] === i % columns ? 1 - smoothing : 0),
  )
}

/** Mean over rows of −Σ target · log softmax(logits). Inputs [logits [N, C], labels [N]]. */
export const crossEntropy: Reference<CrossEntropyAttributes> = {
  forward([logits, labels], { labelSmoothing = 0 }) {
    const { rows } = rowsOf(logits!)
    const target = targets(logits!, labels!, labelSmoothing)
    const sum = logProbabilities(logits!).data.reduce((total, v, i) => total - target[i]! * v, 0)
    return { shape: [], data: Float64Array.of(sum / rows) }
  },
  gradient([logits, labels], { labelSmoothing = 0 }, { data: dy }) {
    const { rows } = rowsOf(logits!)
    const target = targets(logits!, labels!, labelSmoothing)
    const data = logProbabilities(logits!).data.map((v, i) => ((Math.exp(v) - target[i]!) / rows) * dy[0]!)
    return [{ shape: logits!.shape, data }, null]
  },
}
