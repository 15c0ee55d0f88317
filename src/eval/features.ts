import type { Dataset } from '../data/dataset.js'
import { BatchReader } from '../data/deviceDataset.js'
import type { Device } from '../device/device.js'
import { DataError, ShapeError } from '../device/errors.js'
import { normaliseImages } from '../ops/augment.js'
import { scope } from '../tensor/scope.js'
import { show } from '../tensor/shape.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { FeatureSet } from './featureSet.js'
import { labelsOf } from './pixels.js'

export interface ExtractOptions {
  readonly device: Device
  /** Mean and standard deviation of each channel of images in [0, 1], as the encoder was trained with. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Images at a time. The last batch is filled up with repetitions, whose features are dropped. */
  readonly batch?: number
  /** Images done so far. */
  readonly onProgress?: (done: number) => void
}

/** What turns images [B, H, W, C] into features [B, D], each image by itself. */
export interface FeatureExtractor {
  forward(images: Tensor): Tensor
  /** What it is evaluated by, where that is something else: Exemplar-CNN pools its convolutions over quadrants. */
  evaluationFeatures?(images: Tensor): Tensor
}

/** What images [B, H, W, C] are evaluated by. */
export function imageFeatures(encoder: FeatureExtractor, images: Tensor): Tensor {
  return encoder.evaluationFeatures?.(images) ?? encoder.forward(images)
}

/**
 * The features of every image of a data set, without views: (x/255 − mean)/std through the encoder. Its launches are
 * recorded at the first batch and replayed for the others. The caller has put the encoder into evaluation mode.
 * @throws DataError for a data set without images, ShapeError for features that are not [B, D]
 */
export async function extractFeatures(
  encoder: FeatureExtractor,
  dataset: Dataset,
  { device, mean, std, batch = 250, onProgress }: ExtractOptions,
): Promise<FeatureSet> {
  const { count } = dataset
  if (count === 0) throw new DataError(`${dataset.source} has no images to extract features of`)
  const size = Math.min(batch, count)
  // Without pages: evaluation goes over the images once, so that they need not lie on the device.
  const reader = new BatchReader(device, dataset, [], size)
  const indices = Array.from({ length: count }, (_, i) => i)
  try {
    reader.prepare(indices.slice(0, size))
    let output: Tensor | undefined
    const program = await device.record(() => {
      output = scope(() =>
        noGrad(() => {
          const images = normaliseImages(reader.batch(), mean, std)
          return imageFeatures(encoder, images)
        }),
      )
    })
    try {
      const { shape } = output!
      const dimension = shape[1]
      if (shape.length !== 2 || shape[0] !== size || dimension === undefined) {
        throw new ShapeError(`extractFeatures: wants features [${size},D] from the encoder, got ${show(shape)}`)
      }
      const features = new Float32Array(count * dimension)
      for (let first = 0; first < count; first += size) {
        const rows = Math.min(size, count - first)
        if (first > 0) {
          reader.prepare(indices.slice(first, first + rows))
          device.replay(program)
        }
        const values = (await output!.data()) as Float32Array
        features.set(values.subarray(0, rows * dimension), first * dimension)
        onProgress?.(first + rows)
      }
      return { features, count, dimension, ...labelsOf(dataset) }
    } finally {
      output!.dispose()
      device.release(program)
    }
  } finally {
    reader.dispose()
  }
}
