import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { logSumExp } from './softmax.js'

/**
 * Mean over rows of −log softmax of a row's logits at its target, and what that says to the operands the logits are made
 * of. A logit is scale · x·y + bias, with x a row of `queries` and y a row of one of the `others`.
 */
interface Logit {
  value: number
  /** Which of the arrays y lies in, and at which row. */
  from: number
  row: number
}

function dot(a: Array64, i: number, b: Array64, j: number): number {
  const { columns } = rowsOf(a)
  let sum = 0
  for (let c = 0; c < columns; c++) sum += a.data[i * columns + c]! * b.data[j * columns + c]!
  return sum
}

function lossOf(rows: Logit[][], targets: number[]): Array64 {
  const total = rows.reduce(
    (sum, row, i) => sum + logSumExp(row.map(({ value }) => value)) - row[targets[i]!]!.value,
    0,
  )
  return { shape: [], data: Float64Array.of(total / rows.length) }
}

/** Gradients of the queries, of the arrays, and for each array of the biases of its rows. */
function gradientsOf(
  queries: Array64,
  others: Array64[],
  rows: Logit[][],
  targets: number[],
  scale: number,
  g: number,
) {
  const { columns } = rowsOf(queries)
  const dqueries = zeros(queries.shape)
  const dothers = others.map(({ shape }) => zeros(shape))
  const dbiases = others.map(({ shape }) => zeros([shape[0]!]))
  rows.forEach((row, i) => {
    const all = logSumExp(row.map(({ value }) => value))
    row.forEach(({ value, from, row: j }, at) => {
      const d = ((Math.exp(value - all) - (at === targets[i] ? 1 : 0)) * g) / rows.length
      dbiases[from]!.data[j]! += d
      for (let c = 0; c < columns; c++) {
        dqueries.data[i * columns + c]! += d * scale * others[from]!.data[j * columns + c]!
        dothers[from]!.data[j * columns + c]! += d * scale * queries.data[i * columns + c]!
      }
    })
  })
  return { dqueries, dothers, dbiases }
}

/** Logits of every row of the arrays, one array after the other. */
function logitsOf(queries: Array64, i: number, others: Array64[], scale: number): Logit[] {
  return others.flatMap((other, from) =>
    Array.from({ length: other.shape[0]! }, (_, row) => ({ value: scale * dot(queries, i, other, row), from, row })),
  )
}

function indicesOf(x: Array64): number[] {
  return Array.from({ length: x.shape[0]! }, (_, i) => i)
}

/** He et al. (2020), equation 1. Inputs [queries [N, D], positives [N, D], …pages [k, D]]; the pages are constant. */
export const infoNCE: Reference<{ temperature: number }> = {
  forward([queries, positives, ...pages], { temperature }) {
    const rows = infoNCERows(queries!, positives!, pages, 1 / temperature)
    return lossOf(
      rows,
      rows.map(() => 0),
    )
  },
  gradient([queries, positives, ...pages], { temperature }, { data: g }) {
    const rows = infoNCERows(queries!, positives!, pages, 1 / temperature)
    const targets = rows.map(() => 0)
    const { dqueries, dothers } = gradientsOf(queries!, [positives!, ...pages], rows, targets, 1 / temperature, g[0]!)
    return [dqueries, dothers[0]!, ...pages.map(() => null)]
  },
}

function infoNCERows(queries: Array64, positives: Array64, pages: Array64[], scale: number): Logit[][] {
  return indicesOf(queries).map(i => [
    { value: scale * dot(queries, i, positives, i), from: 0, row: i },
    ...logitsOf(queries, i, pages, scale).map(logit => ({ ...logit, from: logit.from + 1 })),
  ])
}

/** Wu et al. (2018), equation 2. Inputs [queries [N, D], indices [N], …pages [k, D]]; the pages are constant. */
export const bankSoftmax: Reference<{ temperature: number }> = {
  forward([queries, indices, ...pages], { temperature }) {
    const rows = indicesOf(queries!).map(i => logitsOf(queries!, i, pages, 1 / temperature))
    return lossOf(rows, [...indices!.data])
  },
  gradient([queries, indices, ...pages], { temperature }, { data: g }) {
    const rows = indicesOf(queries!).map(i => logitsOf(queries!, i, pages, 1 / temperature))
    const { dqueries } = gradientsOf(queries!, pages, rows, [...indices!.data], 1 / temperature, g[0]!)
    return [dqueries, null, ...pages.map(() => null)]
  },
}

/** Cross-entropy of features·weightᵀ + bias. Inputs [features [N, D], weight [C, D], labels [N], bias [C] or none]. */
export const softmaxClassifier: Reference = {
  forward([features, weight, labels, bias]) {
    return lossOf(classifierRows(features!, weight!, bias), [...labels!.data])
  },
  gradient([features, weight, labels, bias], _, { data: g }) {
    const rows = classifierRows(features!, weight!, bias)
    const { dqueries, dothers, dbiases } = gradientsOf(features!, [weight!], rows, [...labels!.data], 1, g[0]!)
    return [dqueries, dothers[0]!, null, ...(bias ? [dbiases[0]!] : [])]
  },
}

function classifierRows(features: Array64, weight: Array64, bias: Array64 | undefined): Logit[][] {
  return indicesOf(features).map(i =>
    logitsOf(features, i, [weight], 1).map(logit => ({ ...logit, value: logit.value + (bias?.data[logit.row] ?? 0) })),
  )
}
