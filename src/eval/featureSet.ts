import type { Device } from '../device/device.js'
import { DataError } from '../device/errors.js'

/** What an encoder, or no encoder at all, makes of a data set: a row of numbers an image. */
export interface FeatureSet {
  /** `[count, dimension]`, row major. */
  readonly features: Float32Array
  readonly count: number
  readonly dimension: number
  /** `[count]`, indices of classes; −1 for a row without a label. */
  readonly labels: Int32Array
  /** Number of classes; 0 where nothing is labelled. */
  readonly classes: number
}

/**
 * The rows that have a label.
 * @throws DataError when there is none
 */
export function labelled(what: string, set: FeatureSet): FeatureSet {
  const { features, dimension, labels } = set
  const rows = [...labels.keys()].filter(row => labels[row]! >= 0)
  if (rows.length === 0) throw new DataError(`${what}: wants rows with a label, got ${set.count} without one`)
  if (rows.length === set.count) return set
  const picked = new Float32Array(rows.length * dimension)
  rows.forEach((row, i) => {
    picked.set(features.subarray(row * dimension, (row + 1) * dimension), i * dimension)
  })
  return { ...set, features: picked, count: rows.length, labels: Int32Array.from(rows, row => labels[row]!) }
}

/**
 * The labelled rows of a training and a test set that belong together.
 * @throws DataError when one has no labels, or their dimensions or classes differ
 */
export function labelledPair(what: string, train: FeatureSet, test: FeatureSet): [FeatureSet, FeatureSet] {
  if (train.dimension !== test.dimension || train.classes !== test.classes) {
    const [a, b] = [train, test].map(({ dimension, classes }) => `${dimension} features and ${classes} classes`)
    throw new DataError(`${what}: train and test must be of one kind, got ${a} beside ${b}`)
  }
  return [labelled(`${what}, train`, train), labelled(`${what}, test`, test)]
}

/** The fraction of rows whose prediction is their label. */
export function accuracyOf(predictions: Int32Array, { labels }: FeatureSet): number {
  return predictions.reduce((hits, prediction, row) => hits + Number(prediction === labels[row]), 0) / labels.length
}

/** Rows [first, end) of a matrix of `count` rows of `columns` float32 each, so that every part fits one binding. */
export function pagesOf(count: number, columns: number, { info }: Device): [number, number][] {
  // A sixteenth less, because the device may round an allocation up.
  const bytes = Math.min(info.limits.maxBindingBytes, (info.limits.maxBufferBytes / 16) * 15)
  const rows = Math.max(1, Math.floor(bytes / (4 * columns)))
  return Array.from({ length: Math.ceil(count / rows) }, (_, i) => [i * rows, Math.min((i + 1) * rows, count)])
}
