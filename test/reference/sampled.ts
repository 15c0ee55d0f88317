import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { logSumExp } from './softmax.js'

/** A row of features against a row of the weight, and what a change of their dot product does to the loss. */
interface Pair {
  row: number
  class: number
  slope: number
}

function dot(a: Array64, i: number, b: Array64, j: number): number {
  const { columns } = rowsOf(a)
  let sum = 0
  for (let c = 0; c < columns; c++) sum += a.data[i * columns + c]! * b.data[j * columns + c]!
  return sum
}

function gradientsOf(features: Array64, weight: Array64, pairs: Pair[]) {
  const { columns } = rowsOf(features)
  const dfeatures = zeros(features.shape)
  const dweight = zeros(weight.shape)
  for (const { row, class: j, slope } of pairs)
    for (let c = 0; c < columns; c++) {
      dfeatures.data[row * columns + c]! += slope * weight.data[j * columns + c]!
      dweight.data[j * columns + c]! += slope * features.data[row * columns + c]!
    }
  return { dfeatures, dweight }
}

export interface NCEAttributes {
  temperature: number
  /** How many pages the bank has. */
  pages: number
}

/**
 * Wu et al. (2018), equations 4 to 7, with the 1e-7 of the official code. Inputs [features [N, D], indices [N], negatives
 * [N, m], log Z [], …pages [k, D], noise [n] or none]; several pages are constant, and log Z and the noise always are.
 */
export const nce: Reference<NCEAttributes> = {
  forward(inputs, attributes) {
    const { terms, rows } = nceTerms(inputs, attributes)
    return { shape: [], data: Float64Array.of(terms.reduce((sum, { loss }) => sum + loss, 0) / rows) }
  },
  gradient(inputs, attributes, { data: g }) {
    const { terms, rows, bank } = nceTerms(inputs, attributes)
    const pairs = terms.map(({ slope, ...pair }) => ({ ...pair, slope: (slope * g[0]!) / rows }))
    const { dfeatures, dweight } = gradientsOf(inputs[0]!, bank, pairs)
    return inputs.map((_, k) => (k === 0 ? dfeatures : k === 4 && attributes.pages === 1 ? dweight : null))
  },
}

function nceTerms(inputs: Array64[], { temperature, pages: count }: NCEAttributes) {
  const [features, indices, negatives, logZ] = inputs as [Array64, Array64, Array64, Array64]
  const pages = inputs.slice(4, 4 + count)
  const noise = inputs[4 + count]
  const bank = { shape: [0, rowsOf(features).columns], data: Float64Array.from(pages.flatMap(({ data }) => [...data])) }
  bank.shape[0] = bank.data.length / bank.shape[1]!
  const [rows, drawn] = negatives.shape as [number, number]
  const terms: (Pair & { loss: number })[] = []
  const term = (row: number, j: number, own: boolean) => {
    const p = Math.exp(dot(features, row, bank, j) / temperature - logZ.data[0]!)
    const level = drawn * (noise ? noise.data[j]! : 1 / bank.shape[0]!)
    const denominator = p + level + 1e-7
    // d log P / d dot = 1 / T.
    const slope = (own ? p / denominator - 1 : p / denominator) / temperature
    terms.push({ row, class: j, slope, loss: -Math.log((own ? p : level) / denominator) })
  }
  for (let row = 0; row < rows; row++) {
    term(row, indices.data[row]!, true)
    for (let s = 0; s < drawn; s++) term(row, negatives.data[row * drawn + s]!, false)
  }
  return { terms, rows, bank }
}

export interface SampledAttributes {
  bias: boolean
  expected: boolean
  removeAccidentalHits: boolean
}

/**
 * Jean et al. (2015), section 3. Inputs [features [N, D], weight [C, D], labels [N], sampled [S]], then bias [C] and
 * expected counts [N] and [S] where there are any.
 */
export const sampledSoftmax: Reference<SampledAttributes> = {
  forward(inputs, attributes) {
    const rows = sampledRows(inputs, attributes)
    const sum = rows.reduce((total, row) => total + logSumExp(row.map(({ logit }) => logit)) - row[0]!.logit, 0)
    return { shape: [], data: Float64Array.of(sum / rows.length) }
  },
  gradient(inputs, attributes, { data: g }) {
    const rows = sampledRows(inputs, attributes)
    const pairs = rows.flatMap((row, i) => {
      const all = logSumExp(row.map(({ logit }) => logit))
      return row.map(({ class: j, logit }, at) => {
        const slope = ((Math.exp(logit - all) - (at === 0 ? 1 : 0)) * g[0]!) / rows.length
        return { row: i, class: j, slope }
      })
    })
    const { dfeatures, dweight } = gradientsOf(inputs[0]!, inputs[1]!, pairs)
    const dbias = zeros([inputs[1]!.shape[0]!])
    for (const { class: j, slope } of pairs) dbias.data[j]! += slope
    return inputs.map((_, k) => [dfeatures, dweight, null, null, attributes.bias ? dbias : null][k] ?? null)
  },
}

function sampledRows(inputs: Array64[], { bias, expected, removeAccidentalHits }: SampledAttributes) {
  const [features, weight, labels, sampled] = inputs as [Array64, Array64, Array64, Array64]
  const rest = inputs.slice(4)
  const biases = bias ? rest.shift()! : undefined
  const [ofLabels, ofSampled] = expected ? rest : []
  const logit = (row: number, j: number, count: number | undefined) => ({
    class: j,
    logit: dot(features, row, weight, j) + (biases?.data[j] ?? 0) - Math.log(count ?? 1),
  })
  return Array.from({ length: labels.data.length }, (_, row) => [
    logit(row, labels.data[row]!, ofLabels?.data[row]),
    ...Array.from(sampled.data, (j, s) => logit(row, j, ofSampled?.data[s])).filter(
      ({ class: j }) => !removeAccidentalHits || j !== labels.data[row],
    ),
  ])
}
