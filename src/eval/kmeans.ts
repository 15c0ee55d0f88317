import type { Device } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { oneHot } from '../ops/gather.js'
import { matmul } from '../ops/matmul.js'
import { argmax } from '../ops/reduce.js'
import { tensor, zeros } from '../tensor/create.js'
import { Generator } from '../tensor/philox.js'
import { keep, scope } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { accuracyOf, type FeatureSet, labelledPair, pagesOf } from './featureSet.js'
import { normalisedMutualInformation } from './mutualInformation.js'

/** Rows without labels are welcome: clusters are found by the features alone. */
export type Rows = Pick<FeatureSet, 'features' | 'count' | 'dimension'>

export interface KmeansOptions {
  readonly device: Device
  /** Of the seeding. @default 0 */
  readonly seed?: number
  /** @default 100 */
  readonly maxIterations?: number
}

export interface Clustering {
  /** `[k, dimension]` */
  readonly centroids: Float64Array
  /** `[count]`: the cluster of every row. */
  readonly assignments: Int32Array
  /** Σ ‖row − its centroid‖². */
  readonly inertia: number
  readonly iterations: number
}

/**
 * k-means: Lloyd's iteration (1982) until no row changes its cluster, from the seeding of k-means++ (Arthur &
 * Vassilvitskii 2007): each new centre is a row drawn with a probability proportional to its squared distance from the
 * nearest centre so far. A cluster that loses all its rows takes the row that is farthest from its centroid.
 *
 * Distances are compared and rows added up on the device in float32, after their mean was taken off. The same features
 * and seed give the same clusters.
 *
 * @throws ConfigError unless 1 ≤ k ≤ count
 */
export async function kmeans(rows: Rows, k: number, options: KmeansOptions): Promise<Clustering> {
  const { device, seed = 0, maxIterations = 100 } = options
  if (!Number.isInteger(k) || k < 1 || k > rows.count) {
    throw new ConfigError(`kmeans: wants a number of clusters from 1 to ${rows.count}, got ${k}`)
  }
  let centroids = seedCentroids(rows, k, new Generator(seed, 'kmeans'))
  using nearest = new NearestCentroid(rows, columnMeans(rows), k, device)
  let { assignments, means } = await nearest.assign(centroids)
  let iterations = 0
  while (iterations < maxIterations) {
    iterations++
    centroids = refilled(rows, assignments, means, centroids)
    const next = await nearest.assign(centroids)
    const settled = next.assignments.every((cluster, row) => cluster === assignments[row])
    ;({ assignments, means } = next)
    if (settled) break
  }
  const inertia = squaredDistances(rows, assignments, centroids).reduce((sum, distance) => sum + distance, 0)
  return { centroids, assignments, inertia, iterations }
}

export interface KmeansAccuracyOptions extends KmeansOptions {
  /** k; by default the number of classes. */
  readonly clusters?: number
}

export interface KmeansScore {
  /** Of the test rows, where each cluster says the class that most of its labelled training rows have. */
  readonly accuracy: number
  /** Normalised mutual information of clusters and classes of the test rows, from 0 to 1. */
  readonly nmi: number
  readonly iterations: number
}

/**
 * How far clusters that were found without labels are classes. Clusters are of all rows of `train`, labelled or not.
 * @throws DataError when train or test has no labels or they differ in kind, ConfigError for k outside 1 … rows
 */
export async function kmeansAccuracy(
  train: FeatureSet,
  test: FeatureSet,
  options: KmeansAccuracyOptions,
): Promise<KmeansScore> {
  const { device, clusters = train.classes } = options
  const [, held] = labelledPair('kmeans', train, test)
  const { centroids, assignments, iterations } = await kmeans(train, clusters, options)
  const says = majorities(assignments, train.labels, clusters, train.classes)
  using nearest = new NearestCentroid(held, columnMeans(train), clusters, device)
  const { assignments: found } = await nearest.assign(centroids)
  return {
    accuracy: accuracyOf(
      found.map(cluster => says[cluster]!),
      held,
    ),
    nmi: normalisedMutualInformation(found, held.labels),
    iterations,
  }
}

/** The most frequent class of each cluster, the lower of equals; −1 for a cluster without a labelled row. */
function majorities(assignments: Int32Array, labels: Int32Array, clusters: number, classes: number): Int32Array {
  const votes = new Int32Array(clusters * classes)
  assignments.forEach((cluster, row) => {
    if (labels[row]! >= 0) votes[cluster * classes + labels[row]!]! += 1
  })
  return Int32Array.from({ length: clusters }, (_, cluster) => {
    const counts = votes.subarray(cluster * classes, (cluster + 1) * classes)
    return counts.reduce((best, times, label) => (times > (best < 0 ? 0 : counts[best]!) ? label : best), -1)
  })
}

/**
 * Finds the nearest of k centroids for rows that lie on the device in pages: argmin ‖x − c‖² is argmax of
 * x·c − ‖c‖²/2, a product and a largest element.
 */
class NearestCentroid implements Disposable {
  private readonly pages: readonly Tensor[]
  private readonly centroids: Tensor
  private readonly bias: Tensor

  constructor(
    private readonly rows: Rows,
    private readonly origin: Float64Array,
    private readonly k: number,
    device: Device,
  ) {
    const { features, count, dimension } = rows
    // The pages of the product are no larger, unless there are more clusters than dimensions.
    this.pages = pagesOf(count, Math.max(dimension, k), device).map(([first, end]) => {
      const part = features.slice(first * dimension, end * dimension)
      for (let i = 0; i < part.length; i++) part[i]! -= origin[i % dimension]!
      return keep(tensor(part, { shape: [end - first, dimension], device }))
    })
    this.centroids = keep(zeros([k, dimension], { device }))
    this.bias = keep(zeros([k], { device }))
  }

  /**
   * @param centroids `[k, dimension]`, in the rows' own place
   * @returns each row's cluster, and the mean of each cluster's rows, NaN where it has none
   */
  async assign(centroids: Float64Array): Promise<{ assignments: Int32Array; means: Float64Array }> {
    const { rows, origin, k } = this
    const { dimension } = rows
    const centred = centroids.map((value, i) => value - origin[i % dimension]!)
    this.centroids.write(Float32Array.from(centred))
    this.bias.write(
      Float32Array.from({ length: k }, (_, cluster) => {
        const centroid = centred.subarray(cluster * dimension, (cluster + 1) * dimension)
        return -centroid.reduce((sum, value) => sum + value * value, 0) / 2
      }),
    )
    const assignments = new Int32Array(rows.count)
    const sums = new Float64Array(k * dimension)
    let first = 0
    for (const page of this.pages) {
      const [best, parts] = scope(() => noGrad(() => this.assignPage(page)))
      const [found, added] = await Promise.all([best.data(), parts.data()])
      assignments.set(found, first)
      added.forEach((value, i) => {
        sums[i]! += value
      })
      first += best.size
      best.dispose()
      parts.dispose()
    }
    const counts = new Int32Array(k)
    for (const cluster of assignments) counts[cluster]! += 1
    const means = sums.map((sum, i) => sum / counts[Math.floor(i / dimension)]! + origin[i % dimension]!)
    return { assignments, means }
  }

  /** The cluster of each row of a page, and the sum of the page's rows in each cluster. */
  private assignPage(page: Tensor): [Tensor, Tensor] {
    const { centroids, bias, k } = this
    const best = argmax(matmul(page, centroids, { transposeB: true, bias }), 1)
    return [best, matmul(oneHot(best, k), page, { transposeA: true })]
  }

  [Symbol.dispose](): void {
    for (const each of [...this.pages, this.centroids, this.bias]) each.dispose()
  }
}

function columnMeans({ features, count, dimension }: Rows): Float64Array {
  const mean = new Float64Array(dimension)
  for (let i = 0; i < features.length; i++) mean[i % dimension]! += features[i]! / count
  return mean
}

/** k rows by k-means++, as `[k, dimension]`. */
function seedCentroids(rows: Rows, k: number, generator: Generator): Float64Array {
  const { features, count, dimension } = rows
  const centroids = new Float64Array(k * dimension)
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  let chosen = generator.integer(count)
  for (let cluster = 0; cluster < k; cluster++) {
    if (cluster > 0) chosen = drawProportional(distances, generator)
    centroids.set(features.subarray(chosen * dimension, (chosen + 1) * dimension), cluster * dimension)
    for (let row = 0; row < count; row++) {
      const distance = squaredDistance(features, row, centroids, cluster, dimension)
      if (distance < distances[row]!) distances[row] = distance
    }
  }
  return centroids
}

/** An index with a probability proportional to its weight; any, where all weights are zero. */
function drawProportional(weights: Float64Array, generator: Generator): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return generator.integer(weights.length)
  let left = generator.uniform() * total
  const found = weights.findIndex(weight => {
    left -= weight
    return left < 0
  })
  // Rounding may leave a little beyond the last.
  return found >= 0 ? found : weights.findLastIndex(weight => weight > 0)
}

/** The means, where a cluster without rows becomes the row that is farthest from its own centroid. */
function refilled(rows: Rows, assignments: Int32Array, means: Float64Array, before: Float64Array): Float64Array {
  const { features, dimension } = rows
  const isEmpty = (cluster: number) => Number.isNaN(means[cluster * dimension]!)
  const empty = Array.from({ length: means.length / dimension }, (_, cluster) => cluster).filter(isEmpty)
  if (empty.length === 0) return means
  const distances = squaredDistances(rows, assignments, before)
  for (const cluster of empty) {
    const farthest = distances.reduce((best, distance, row) => (distance > distances[best]! ? row : best), 0)
    distances[farthest] = -1
    means.set(features.subarray(farthest * dimension, (farthest + 1) * dimension), cluster * dimension)
  }
  return means
}

/** ‖row − its centroid‖² of every row. */
function squaredDistances(
  { features, dimension }: Rows,
  assignments: Int32Array,
  centroids: Float64Array,
): Float64Array {
  return Float64Array.from(assignments, (cluster, row) => squaredDistance(features, row, centroids, cluster, dimension))
}

function squaredDistance(a: Float32Array, row: number, b: Float64Array, cluster: number, dimension: number): number {
  const [atA, atB] = [row * dimension, cluster * dimension]
  let sum = 0
  for (let j = 0; j < dimension; j++) sum += (a[atA + j]! - b[atB + j]!) ** 2
  return sum
}
