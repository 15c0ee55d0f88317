import type { Device } from '../device/device.js'
import { tensor } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'

export interface PagesOptions {
  /** Rows over all pages. */
  readonly size: number
  readonly dimension: number
  readonly device: Device
  /** The largest page, in bytes; never more than the device can bind. */
  readonly pageBytes?: number
}

/** Rows [size, dimension] on as few pages as the device's bindings allow, filled row by row. They outlive scopes. */
export function pagesOf(options: PagesOptions, row: () => readonly number[]): Tensor[] {
  const { size, dimension, device, pageBytes = Number.POSITIVE_INFINITY } = options
  const { maxBindingBytes, maxBufferBytes } = device.info.limits
  const perPage = Math.max(1, Math.floor(Math.min(pageBytes, maxBindingBytes, maxBufferBytes) / (4 * dimension)))
  return Array.from({ length: Math.ceil(size / perPage) }, (_, page) => {
    const rows = Math.min(perPage, size - page * perPage)
    const values = new Float32Array(rows * dimension)
    for (let at = 0; at < values.length; at += dimension) values.set(row(), at)
    return keep(tensor(values, { shape: [rows, dimension], device }))
  })
}
