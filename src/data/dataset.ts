/**
 * What a data set is on the host: all its images as bytes in one array, and labels where there are any.
 * Everything here is pure; the loaders are in `mnist.ts`, `cifar.ts`, `stl10.ts` and `folder.ts`, the door is `loadData.ts`.
 */
import { ConfigError, DataError } from '../device/errors.js'
import { Generator } from '../tensor/philox.js'

export interface Dataset {
  /** Short name for logs: `mnist`, `cifar10`, …, or the folder's own name. */
  readonly name: string
  /** The specification as the user wrote it, `folder:/data/flowers`. */
  readonly source: string
  readonly height: number
  readonly width: number
  /** 1 for grey, 3 for sRGB. */
  readonly channels: 1 | 3
  readonly count: number
  /** `[count, height, width, channels]`, row major, one byte a value. */
  readonly images: Uint8Array
  /** `[count]`, indices into `classes`; −1 for an image without a label. Absent where no image has one. */
  readonly labels?: Int32Array
  readonly classes?: readonly string[]
}

/** A file that was left out, by its path inside the data set, and why. */
export interface SkippedFile {
  readonly file: string
  readonly reason: string
}

export interface Splits {
  readonly train: Dataset
  /** What probes are fitted on, where that is not the labelled images of `train`. */
  readonly labelled?: Dataset
  /** Absent for unlabelled data that comes without a test split of its own. */
  readonly test?: Dataset
  readonly skipped: readonly SkippedFile[]
}

/** Drawn once and fixed, so that a test split never depends on the seed of a run. */
export const SPLIT_SEED = 20200213

/**
 * The images at `indices`, in that order, copied; an index may come twice.
 * @throws DataError when an index is not in `0 … count − 1`.
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const { images, labels, count, ...rest } = dataset
  const imageBytes = dataset.height * dataset.width * dataset.channels
  const picked = new Uint8Array(indices.length * imageBytes)
  const pickedLabels = new Int32Array(indices.length)
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new DataError(`subset: index ${index} is not in 0 … ${count - 1} of ${dataset.source}`)
    }
    picked.set(images.subarray(index * imageBytes, (index + 1) * imageBytes), i * imageBytes)
    if (labels) pickedLabels[i] = labels[index]!
  }
  return { ...rest, count: indices.length, images: picked, ...(labels && { labels: pickedLabels }) }
}

/** The images that have a label; the data set itself where all have one, `undefined` where none has. */
export function labelledImages(dataset: Dataset): Dataset | undefined {
  const { labels, count } = dataset
  const indices = [...(labels?.keys() ?? [])].filter(i => labels![i]! >= 0)
  if (indices.length === 0) return undefined
  return indices.length === count ? dataset : subset(dataset, indices)
}

/**
 * A random `limit` of the numbers `0 … count − 1`, ascending, whatever their class; all of them when `limit` is
 * absent or not smaller than `count`.
 * @throws ConfigError when `limit` is not a whole number of at least 1.
 */
export function limitIndices(count: number, limit: number | undefined, seed: number): Int32Array {
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
    throw new ConfigError(`limit must be a whole number of images, at least 1, got ${limit}`)
  }
  if (limit === undefined || limit >= count) return Int32Array.from({ length: count }, (_, i) => i)
  return new Generator(seed, 'limit').permutation(count).slice(0, limit).sort()
}

/**
 * Parts the numbers `0 … count − 1` at random, each side ascending. The test side gets `fraction` of them, rounded,
 * and neither side is empty.
 * @throws DataError when there are fewer than two.
 */
export function holdOutIndices(
  count: number,
  fraction = 0.1,
  seed = SPLIT_SEED,
): { train: Int32Array; test: Int32Array } {
  if (count < 2) throw new DataError(`a test split can be held out of at least 2 images, got ${count}`)
  const testCount = Math.min(count - 1, Math.max(1, Math.round(count * fraction)))
  const order = new Generator(seed).permutation(count)
  return { test: order.slice(0, testCount).sort(), train: order.slice(testCount).sort() }
}

/** Parts a data set in two, whatever the classes: `fraction` of it becomes the test split. Throws as above. */
export function holdOut(dataset: Dataset, fraction = 0.1, seed = SPLIT_SEED): { train: Dataset; test: Dataset } {
  const { train, test } = holdOutIndices(dataset.count, fraction, seed)
  return { train: subset(dataset, train), test: subset(dataset, test) }
}

/**
 * Mean and population standard deviation (divided by n, not n − 1) of each channel of `images / 255`, for
 * normalisation. A channel that is constant over the whole data set has deviation 0. Counted by a histogram, so that
 * the result is exact up to the last rounding and does not depend on an order of summation.
 * @throws DataError when the data set is empty.
 */
export function datasetStatistics(dataset: Dataset): { mean: number[]; std: number[] } {
  const { images, channels } = dataset
  const pixels = dataset.count * dataset.height * dataset.width
  if (pixels === 0) throw new DataError(`${dataset.source} has no images to take statistics of`)
  const mean: number[] = []
  const std: number[] = []
  for (let channel = 0; channel < channels; channel++) {
    const histogram = new Float64Array(256)
    for (let i = channel; i < images.length; i += channels) histogram[images[i]!]! += 1
    const average = histogram.reduce((sum, times, value) => sum + times * value, 0) / pixels
    const variance = histogram.reduce((sum, times, value) => sum + times * (value - average) ** 2, 0) / pixels
    mean.push(average / 255)
    std.push(Math.sqrt(variance) / 255)
  }
  return { mean, std }
}
