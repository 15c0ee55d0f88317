import type { Device } from '../device/device.js'
import { ConfigError, DataError, DeviceError } from '../device/errors.js'
import { gatherImages } from '../ops/augment.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import type { Dataset } from './dataset.js'

/** Bytes handed to the device at once while a page is filled. */
const CHUNK = 2 ** 24

export interface DeviceDatasetOptions {
  /** Larger data sets stay on the host. Default: whatever the device has room for. */
  readonly maxBytes?: number
}

/**
 * A data set's bytes on a device, in pages of whole images below the device's binding limit. Where it does not fit,
 * `resident` is false and every batch's bytes are uploaded instead; readers work the same either way.
 */
export class DeviceDataset {
  readonly #pages: readonly Tensor[]

  /** @throws DataError for a data set without images. */
  constructor(
    readonly device: Device,
    readonly dataset: Dataset,
    { maxBytes = Number.POSITIVE_INFINITY }: DeviceDatasetOptions = {},
  ) {
    if (dataset.count === 0) throw new DataError(`${dataset.source} has no images`)
    this.#pages = dataset.images.byteLength <= maxBytes ? upload(device, dataset) : []
  }

  /** Whether the data set lies on the device. */
  get resident(): boolean {
    return this.#pages.length > 0
  }

  /** Number of pages on the device. */
  get pages(): number {
    return this.#pages.length
  }

  /** Reads batches of up to `size` images. Dispose of it before the data set. */
  reader(size: number): BatchReader {
    return new BatchReader(this.device, this.dataset, this.#pages, size)
  }

  dispose(): void {
    for (const page of this.#pages) page.dispose()
  }
}

/**
 * Batches of a data set through one fixed piece of device memory: the indices of a resident data set, the bytes of
 * another. `batch()` is part of a recorded step, `prepare()` is called before each replay of it.
 */
export class BatchReader {
  readonly #dataset: Dataset
  readonly #pages: readonly Tensor[]
  readonly #staging: Tensor

  /** @throws ConfigError for a size that is not a whole number of at least 1. */
  constructor(
    device: Device,
    dataset: Dataset,
    pages: readonly Tensor[],
    readonly size: number,
  ) {
    if (!Number.isInteger(size) || size < 1) throw new ConfigError(`a batch wants at least 1 image, got ${size}`)
    this.#dataset = dataset
    this.#pages = pages
    const { height, width, channels } = dataset
    this.#staging = keep(
      pages.length > 0 ? empty([size], 'int32', device) : empty([size, height, width, channels], 'uint8', device),
    )
  }

  /**
   * Chooses the images of the next run of `batch()`. With fewer indices than `size` the rest of the batch repeats the
   * last of them.
   * @throws DataError for an index outside the data set, for none and for too many
   */
  prepare(indices: ArrayLike<number>): void {
    const { count, images, source } = this.#dataset
    if (indices.length < 1 || indices.length > this.size) {
      throw new DataError(`a batch of ${source} takes 1 to ${this.size} images, got ${indices.length} indices`)
    }
    const chosen = Int32Array.from({ length: this.size }, (_, i) => {
      const index = indices[Math.min(i, indices.length - 1)]!
      if (Number.isInteger(index) && index >= 0 && index < count) return index
      throw new DataError(`image ${index} is not in 0 … ${count - 1} of ${source}`)
    })
    if (this.#pages.length > 0) {
      this.#staging.write(chosen)
      return
    }
    const imageBytes = images.byteLength / count
    const bytes = new Uint8Array(this.size * imageBytes)
    chosen.forEach((index, i) => {
      bytes.set(images.subarray(index * imageBytes, (index + 1) * imageBytes), i * imageBytes)
    })
    this.#staging.write(bytes)
  }

  /** The prepared images: uint8 `[size, H, W, C]`. */
  batch(): Tensor {
    return this.#pages.length > 0 ? gatherImages(this.#pages, this.#staging) : this.#staging.alias()
  }

  dispose(): void {
    this.#staging.dispose()
  }
}

/** The pages of a data set, or none where the device has no room. */
function upload(device: Device, { images, count, height, width, channels }: Dataset): Tensor[] {
  const imageBytes = height * width * channels
  const { maxBindingBytes, maxBufferBytes } = device.info.limits
  // A sixteenth less, because the device may round an allocation up.
  const perPage = Math.floor(Math.min(maxBindingBytes, (maxBufferBytes / 16) * 15) / imageBytes)
  if (perPage < 1) return []
  const pages: Tensor[] = []
  try {
    for (let first = 0; first < count; first += perPage) {
      const size = Math.min(perPage, count - first)
      const page = keep(empty([size, height, width, channels], 'uint8', device))
      pages.push(page)
      const { buffer } = page.slice
      for (let at = 0; at < page.size; at += CHUNK) {
        const from = first * imageBytes + at
        device.write(buffer, images.subarray(from, from + Math.min(CHUNK, page.size - at)), at)
      }
    }
  } catch (error) {
    for (const page of pages) page.dispose()
    if (error instanceof DeviceError) return []
    throw error
  }
  return pages
}
