import type { Device } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { scatterRows } from '../ops/scatterRows.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { pagesOf } from './pages.js'

export interface QueueOptions {
  /** K: how many rows it holds. */
  readonly size: number
  /** D of a row. */
  readonly dimension: number
  /** Rows that come in with each step. They need not divide K. */
  readonly rows: number
  readonly generator: Generator
  readonly device: Device
  /** The largest page, in bytes, for tests. */
  readonly pageBytes?: number
}

/**
 * The latest K embeddings [K, D], first in, first out (MoCo, section 3.2): begins with random rows of length 1. Step s
 * overwrites the rows s·n … s·n + n − 1 modulo K, so that no row is dropped where the end comes in the middle of a batch;
 * of a batch larger than the queue the last K rows stay. It lies on pages that a binding holds.
 */
export class Queue {
  readonly pages: readonly Tensor[]
  readonly size: number
  private readonly rows: number
  private readonly places: Tensor

  /** @throws ConfigError for a size that is not a whole number of at least 1 */
  constructor({ size, dimension, rows, generator, device, pageBytes }: QueueOptions) {
    if (!Number.isInteger(size) || size < 1) throw new ConfigError(`queue: wants at least 1 row, got ${size}`)
    this.size = size
    this.rows = rows
    this.pages = pagesOf({ size, dimension, device, ...(pageBytes !== undefined && { pageBytes }) }, () => {
      const row = Array.from({ length: dimension }, () => generator.normal())
      const length = Math.hypot(...row)
      return row.map(value => value / length)
    })
    this.places = keep(empty([rows], 'int32', device))
  }

  /** Whether none of the random rows that it began with is left when step `step` begins. */
  isFull(step: number): boolean {
    return step * this.rows >= this.size
  }

  /** Writes where the rows of a step go. */
  prepare(step: number): void {
    this.places.write(Int32Array.from({ length: this.rows }, (_, i) => (step * this.rows + i) % this.size))
  }

  /** Puts rows [n, D] in the place of the oldest; part of the recorded step. @throws ShapeError for another number */
  enqueue(rows: Tensor): void {
    scatterRows(this.pages, rows, this.places)
  }

  /** The pages by name, for checkpoints. */
  state(): [string, Tensor][] {
    return this.pages.map((page, i) => [`queue.${i}`, page])
  }
}
