import { type Array64, type Reference, rowsOf } from './array.js'

/** log Σ exp of some values, safe for large ones. */
export function logSumExp(values: ArrayLike<number>): number {
  const list = Array.from(values)
  const largest = Math.max(...list)
  return largest + Math.log(list.reduce((sum, v) => sum + Math.exp(v - largest), 0))
}

/** For every element, the value that `f` makes of the row in which it lies. */
function perRow(x: Float64Array, columns: number, f: (row: Float64Array, start: number) => number): Float64Array {
  const values: number[] = []
  for (let start = 0; start < x.length; start += columns) values.push(f(x.subarray(start, start + columns), start))
  return x.map((_, i) => values[Math.floor(i / columns)]!)
}

function logProbabilities(x: Array64): Array64 {
  const total = perRow(x.data, rowsOf(x).columns, logSumExp)
  return { shape: x.shape, data: x.data.map((value, i) => value - total[i]!) }
}

/** exp(x) / Σ exp(x) over the last axis. */
export const softmax: Reference = {
  forward: ([x]) => ({ shape: x!.shape, data: logProbabilities(x!).data.map(Math.exp) }),
  gradient([x], _, { data: dy }) {
    const { columns } = rowsOf(x!)
    const p = logProbabilities(x!).data.map(Math.exp)
    const along = perRow(dy, columns, (row, start) => row.reduce((sum, g, c) => sum + g * p[start + c]!, 0))
    return [{ shape: x!.shape, data: p.map((value, i) => value * (dy[i]! - along[i]!)) }]
  },
}

/** x − log Σ exp(x) over the last axis. */
export const logSoftmax: Reference = {
  forward: ([x]) => logProbabilities(x!),
  gradient([x], _, { data: dy }) {
    const { columns } = rowsOf(x!)
    const p = logProbabilities(x!).data.map(Math.exp)
    const total = perRow(dy, columns, row => row.reduce((sum, g) => sum + g, 0))
    return [{ shape: x!.shape, data: p.map((value, i) => dy[i]! - value * total[i]!) }]
  },
}

export interface CrossEntropyAttributes {
  labelSmoothing?: number
  meanOver?: 'rows' | 'labelled'
}

/** The target distribution of every row: 1 − s at the label, plus s/C everywhere. */
function targets(logits: Array64, labels: Array64, smoothing: number): Float64Array {
  const { columns } = rowsOf(logits)
  return logits.data.map(
    (_, i) => smoothing / columns + (labels.data[Math.floor(i / columns)] === i % columns ? 1 - smoothing : 0),
  )
}

/** What every logit's term is multiplied by: 1 over the number of rows that count, 0 in a row without a label. */
function shares(logits: Array64, labels: Array64, meanOver: 'rows' | 'labelled'): Float64Array {
  const { rows, columns } = rowsOf(logits)
  const labelled = labels.data.filter(label => label >= 0).length
  const divisor = meanOver === 'rows' ? rows : Math.max(labelled, 1)
  return logits.data.map((_, i) => (labels.data[Math.floor(i / columns)]! >= 0 ? 1 / divisor : 0))
}

/** Mean over rows of −Σ target · log softmax(logits), rows of negative label left out. Inputs [logits [N, C], labels [N]]. */
export const crossEntropy: Reference<CrossEntropyAttributes> = {
  forward([logits, labels], { labelSmoothing = 0, meanOver = 'rows' }) {
    const target = targets(logits!, labels!, labelSmoothing)
    const share = shares(logits!, labels!, meanOver)
    const sum = logProbabilities(logits!).data.reduce((total, v, i) => total - share[i]! * target[i]! * v, 0)
    return { shape: [], data: Float64Array.of(sum) }
  },
  gradient([logits, labels], { labelSmoothing = 0, meanOver = 'rows' }, { data: dy }) {
    const target = targets(logits!, labels!, labelSmoothing)
    const share = shares(logits!, labels!, meanOver)
    const data = logProbabilities(logits!).data.map((v, i) => (Math.exp(v) - target[i]!) * share[i]! * dy[0]!)
    return [{ shape: logits!.shape, data }, null]
  },
}

/** The share of the rows with a label whose first largest logit is at it. Inputs [logits [N, C], labels [N]]. */
export const accuracy: Reference = {
  forward([logits, labels]) {
    const { rows, columns } = rowsOf(logits!)
    let [hits, counted] = [0, 0]
    for (let row = 0; row < rows; row++) {
      const label = labels!.data[row]!
      if (label < 0) continue
      const values = [...logits!.data.subarray(row * columns, (row + 1) * columns)]
      counted++
      if (values.indexOf(Math.max(...values)) === label) hits++
    }
    return { shape: [], data: Float64Array.of(counted ? hits / counted : 0) }
  },
  gradient: () => [null, null],
}
