/**
 * Whether a representation has collapsed, and in how many directions it lives. Pure host functions in float64.
 */
import { DataError } from '../device/errors.js'
import { eigh64 } from '../tensor/linalg.js'

/** What becomes of embeddings that are all alike, that lie in a few directions, or that use the sphere. */
export type Verdict = 'collapsed' | 'dimensionally collapsed' | 'healthy'

export interface Diagnostics {
  /** Mean over dimensions of the standard deviation of ẑ, the embeddings divided by their lengths. */
  readonly deviation: number
  /** 1/√d: what `deviation` is when ẑ is spread over the whole sphere. */
  readonly fullDeviation: number
  /** The variance of ẑ summed over dimensions, 1 − ‖E ẑ‖²: from 0 when all are alike to 1. */
  readonly spread: number
  /** RankMe of ẑ: from 1 to the smaller of rows and dimensions. */
  readonly effectiveRank: number
  /** Singular values of ẑ, the largest first. */
  readonly spectrum: Float64Array
  /** log E exp(−2‖ẑi − ẑj‖²): 0 when all are alike, near −4 on a sphere of many dimensions. */
  readonly uniformity: number
  /** E‖ẑ − ẑ⁺‖² over positive pairs, where these were given: 0 when views do not matter. */
  readonly alignment?: number
  readonly verdict: Verdict
  /** The verdict as a sentence, with the numbers that it comes from. */
  readonly sentence: string
}

export interface DiagnoseOptions {
  /** `[rows, dimension]`: in row i another view of the image of row i. */
  readonly positives?: Float32Array
  /** Larger sets are thinned out evenly to so many rows: uniformity looks at every pair. */
  readonly maxRows?: number
}

/**
 * Below a hundredth (a deviation of a tenth of 1/√d, where dimensions share it equally) 99 % of ẑ's squared length is
 * one common direction: two random embeddings have a cosine of 0.99 on average. Without collapse the deviation stays
 * near 1/√d (Chen & He 2021, figure 2, https://arxiv.org/abs/2011.10566). Not judged by `deviation` itself, which is
 * small as well where few of many dimensions are in use.
 */
const COLLAPSED = 0.01

/**
 * A tenth of the way from one direction to all of them: the other dimensions cost memory and say little (Jing et al.
 * 2022, https://arxiv.org/abs/2110.09348). 1,024 random vectors reach 0.98 of 128 directions and 0.93 of 512.
 */
const FEW_DIRECTIONS = 0.1

/**
 * Diagnoses embeddings `[rows, dimension]`, row major, of different images.
 * @throws DataError for fewer than two rows, a length that is no multiple of `dimension`, or values that are not finite
 */
export function diagnose(embeddings: Float32Array, dimension: number, options: DiagnoseOptions = {}): Diagnostics {
  const { positives, maxRows = 1024 } = options
  const rows = embeddings.length / dimension
  if (!Number.isInteger(rows) || rows < 2) {
    throw new DataError(`diagnose: wants at least 2 rows of ${dimension} numbers, got ${embeddings.length} numbers`)
  }
  if (positives && positives.length !== embeddings.length) {
    throw new DataError(`diagnose: wants as many positives as embeddings, got ${positives.length} numbers`)
  }
  const taken = Math.min(rows, Math.max(2, maxRows))
  const chosen = Array.from({ length: taken }, (_, i) => Math.floor((i * rows) / taken))
  const unit = unitRows(embeddings, dimension, chosen)
  const variances = columnVariances(unit, dimension)
  const deviation = variances.reduce((sum, variance) => sum + Math.sqrt(variance), 0) / dimension
  const spread = variances.reduce((sum, variance) => sum + variance, 0)
  const fullDeviation = 1 / Math.sqrt(dimension)
  const spectrum = singularValues(unit, dimension)
  const rank = effectiveRank(spectrum)
  const directions = Math.min(taken, dimension)
  const verdict = verdictOf(spread, rank, directions)
  return {
    deviation,
    fullDeviation,
    spread,
    effectiveRank: rank,
    spectrum,
    uniformity: uniformity(unit, dimension),
    ...(positives && { alignment: alignment(unit, unitRows(positives, dimension, chosen), dimension) }),
    verdict,
    sentence: sentenceOf(verdict, deviation, fullDeviation, rank, directions),
  }
}

/**
 * RankMe: exp of the entropy of the singular values as shares of their sum (Garrido et al. 2023,
 * https://arxiv.org/abs/2210.02885, equation 1): how many directions are in use, smoothly.
 */
export function effectiveRank(singularValues: Float64Array): number {
  const total = singularValues.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 1
  return Math.exp(singularValues.reduce((sum, value) => sum + (value > 0 ? entropyOf(value / total) : 0), 0))
}

function entropyOf(share: number): number {
  return -share * Math.log(share)
}

/**
 * The singular values of a matrix `[rows, columns]`, the largest first: square roots of the eigenvalues of XᵀX or XXᵀ,
 * whichever is smaller. Not centred, as in RankMe: rows that are all alike have rank 1 and not that of their noise.
 */
export function singularValues(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns
  const [size, gram] = rows < columns ? [rows, productOfRows(x, columns)] : [columns, productOfColumns(x, columns)]
  const { values } = eigh64(gram, size)
  return values.map(value => Math.sqrt(Math.max(value, 0))).reverse()
}

/** log of the mean of exp(−2‖zi − zj‖²) over all pairs of rows (Wang & Isola 2020, https://arxiv.org/abs/2005.10242). */
export function uniformity(z: Float64Array, dimension: number): number {
  const rows = z.length / dimension
  let sum = 0
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < i; j++) sum += Math.exp(-2 * squaredDistance(z, i * dimension, z, j * dimension, dimension))
  return Math.log(sum / ((rows * (rows - 1)) / 2))
}

/** The mean of ‖z1 − z2‖² over rows that belong together (Wang & Isola 2020, α = 2). */
export function alignment(z1: Float64Array, z2: Float64Array, dimension: number): number {
  let sum = 0
  for (let at = 0; at < z1.length; at += dimension) sum += squaredDistance(z1, at, z2, at, dimension)
  return sum / (z1.length / dimension)
}

function verdictOf(spread: number, rank: number, directions: number): Verdict {
  if (spread < COLLAPSED) return 'collapsed'
  return rank < 1 + FEW_DIRECTIONS * (directions - 1) ? 'dimensionally collapsed' : 'healthy'
}

function sentenceOf(verdict: Verdict, deviation: number, full: number, rank: number, directions: number): string {
  const even = `standard deviation of ẑ ${deviation.toFixed(4)}, of ${full.toFixed(4)} on a full sphere`
  const used = `effective rank ${rank.toFixed(1)} of ${directions}`
  switch (verdict) {
    case 'collapsed':
      return `collapsed: all images have nearly the same embedding (${even})`
    case 'dimensionally collapsed':
      return `dimensionally collapsed: the embeddings lie in a few directions (${used}; ${even})`
    case 'healthy':
      return `healthy: ${even}; ${used}`
  }
}

/** The chosen rows divided by their lengths; a row of zeros stays one. */
function unitRows(x: Float32Array, dimension: number, chosen: readonly number[]): Float64Array {
  const unit = new Float64Array(chosen.length * dimension)
  chosen.forEach((row, i) => {
    const values = Float64Array.from(x.subarray(row * dimension, (row + 1) * dimension))
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length)) throw new DataError(`diagnose: row ${row} holds a number that is not finite`)
    unit.set(
      values.map(value => value / (length || 1)),
      i * dimension,
    )
  })
  return unit
}

/** The population variance of every column. */
function columnVariances(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns
  const mean = new Float64Array(columns)
  const variances = new Float64Array(columns)
  for (let i = 0; i < x.length; i++) mean[i % columns]! += x[i]! / rows
  for (let i = 0; i < x.length; i++) variances[i % columns]! += (x[i]! - mean[i % columns]!) ** 2 / rows
  return variances
}

/** The lower triangle of XᵀX `[columns, columns]`. */
function productOfColumns(x: Float64Array, columns: number): Float64Array {
  const product = new Float64Array(columns * columns)
  for (let row = 0; row < x.length; row += columns) {
    for (let i = 0; i < columns; i++) {
      const left = x[row + i]!
      for (let j = 0; j <= i; j++) product[i * columns + j]! += left * x[row + j]!
    }
  }
  return product
}

/** The lower triangle of XXᵀ `[rows, rows]`. */
function productOfRows(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns
  const product = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = 0; k < columns; k++) sum += x[i * columns + k]! * x[j * columns + k]!
      product[i * rows + j] = sum
    }
  }
  return product
}

function squaredDistance(a: Float64Array, atA: number, b: Float64Array, atB: number, dimension: number): number {
  let sum = 0
  for (let k = 0; k < dimension; k++) sum += (a[atA + k]! - b[atB + k]!) ** 2
  return sum
}
