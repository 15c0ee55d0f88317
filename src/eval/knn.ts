import type { Device } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { l2normalize } from '../ops/normalize.js'
import { similarityTopK } from '../ops/topk.js'
import { tensor } from '../tensor/create.js'
import { keep, scope } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import { accuracyOf, type FeatureSet, labelled, labelledPair, pagesOf } from './featureSet.js'

export interface KnnOptions {
  readonly device: Device
  /** k; by default min(200, N/10) of N labelled training rows, at least 1. */
  readonly neighbours?: number
  /** T of a neighbour's weight exp(similarity / T). */
  readonly temperature?: number
  /** Queries at a time. */
  readonly batch?: number
}

/** The nearest training rows of every query, the nearest first; of equals the lower row first. */
export interface Neighbours {
  /** `[queries, k]`, cosine similarities. */
  readonly similarities: Float32Array
  /** `[queries, k]` */
  readonly indices: Int32Array
  readonly k: number
}

/**
 * Accuracy of the weighted k-nearest-neighbour classifier of Wu et al. 2018 ("Unsupervised feature learning via
 * non-parametric instance discrimination", https://arxiv.org/abs/1805.01978, section 3.4): each of the k training rows
 * with the highest cosine similarity s votes for its class with weight exp(s / 0.07). Rows without a label are left
 * out.
 * @throws DataError when train or test has no labels or they differ in kind, ConfigError for k outside 1 … N
 */
export async function knnAccuracy(train: FeatureSet, test: FeatureSet, options: KnnOptions): Promise<number> {
  const [known, queries] = labelledPair('knn', train, test)
  return accuracyOf(await knnPredict(known, queries, options), queries)
}

/** The class that the neighbours of every row of `queries` elect, `[queries.count]`. Throws as above. */
export async function knnPredict(train: FeatureSet, queries: FeatureSet, options: KnnOptions): Promise<Int32Array> {
  const { device, temperature = 0.07, batch } = options
  const known = labelled('knn, train', train)
  const { neighbours = Math.max(1, Math.min(200, Math.floor(known.count / 10))) } = options
  if (!(temperature > 0)) throw new ConfigError(`knn: temperature must be above 0, got ${temperature}`)
  const found = await nearest(known, queries, neighbours, { device, ...(batch && { batch }) })
  return vote(found, known.labels, known.classes, temperature)
}

/**
 * The k rows of `keys` with the highest cosine similarity to every row of `queries`. The similarity matrix is never
 * held: keys lie on the device in pages, queries pass in batches.
 * @throws ConfigError for k outside 1 … keys.count
 */
export async function nearest(
  keys: FeatureSet,
  queries: FeatureSet,
  k: number,
  { device, batch = 512 }: Pick<KnnOptions, 'device' | 'batch'>,
): Promise<Neighbours> {
  if (!Number.isInteger(k) || k < 1 || k > keys.count) {
    throw new ConfigError(`knn: wants a number of neighbours from 1 to ${keys.count}, got ${k}`)
  }
  const similarities = new Float32Array(queries.count * k).fill(Number.NEGATIVE_INFINITY)
  const indices = new Int32Array(queries.count * k)
  for (const [first, end] of pagesOf(keys.count, keys.dimension, device)) {
    const page = keep(scope(() => unitRows(keys, first, end, device)))
    const taken = Math.min(k, end - first)
    for (let row = 0; row < queries.count; row += batch) {
      const last = Math.min(row + batch, queries.count)
      const top = scope(() => similarityTopK(unitRows(queries, row, last, device), page, taken))
      const [values, columns] = await Promise.all([top.values.data(), top.indices.data()])
      top.values.dispose()
      top.indices.dispose()
      for (let query = row; query < last; query++) {
        const from = (query - row) * taken
        const best = similarities.subarray(query * k, (query + 1) * k)
        merge(best, indices.subarray(query * k, (query + 1) * k), values, columns, from, taken, first)
      }
    }
    page.dispose()
  }
  return { similarities, indices, k }
}

/** Rows [first, end) on the device, each divided by its length. */
function unitRows({ features, dimension }: FeatureSet, first: number, end: number, device: Device): Tensor {
  const rows = features.subarray(first * dimension, end * dimension)
  return l2normalize(tensor(rows, { shape: [end - first, dimension], device }))
}

/** Merges a page's neighbours (sorted) into the best so far (sorted); of equals those of earlier pages stay first. */
function merge(
  best: Float32Array,
  bestIndices: Int32Array,
  values: ArrayLike<number>,
  columns: ArrayLike<number>,
  from: number,
  count: number,
  firstRow: number,
): void {
  const before = best.slice()
  const beforeIndices = bestIndices.slice()
  let old = 0
  let fresh = 0
  for (let i = 0; i < best.length; i++) {
    if (fresh < count && values[from + fresh]! > before[old]!) {
      best[i] = values[from + fresh]!
      bestIndices[i] = firstRow + columns[from + fresh++]!
    } else {
      best[i] = before[old]!
      bestIndices[i] = beforeIndices[old++]!
    }
  }
}

/** Adds up exp(similarity / temperature) for each class, in float64; of equals the lower class wins. */
export function vote(
  { similarities, indices, k }: Neighbours,
  labels: Int32Array,
  classes: number,
  temperature: number,
): Int32Array {
  const weights = new Float64Array(classes)
  return Int32Array.from({ length: indices.length / k }, (_, query) => {
    weights.fill(0)
    for (let i = query * k; i < (query + 1) * k; i++) {
      weights[labels[indices[i]!]!]! += Math.exp(similarities[i]! / temperature)
    }
    return weights.reduce((best, weight, label) => (weight > weights[best]! ? label : best), 0)
  })
}
