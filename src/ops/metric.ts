import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { implement } from '../device/webgpu/plan.js'
import { show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** ring[counter[2] mod rows, column] = value[0]. */
    storeMetric: { value: Slice; counter: Slice; ring: Slice; rows: number; columns: number; column: number }
  }
}

implement('storeMetric', ({ value, counter, ring, rows, columns, column }) => [
  {
    kernel: 'store_metric',
    bindings: [value, counter, ring],
    params: { rows, columns, column },
    grid: [1, 1, 1],
    work: 1,
  },
])

/**
 * Writes scalars of this step into a row of a ring on the device, so that the host reads many steps at once and the
 * queue never waits for a log line.
 *
 * @param ring float32 [rows, columns], one column a value
 * @param counter uint32 [4], the step at index 2
 */
export function storeMetrics(ring: Tensor, counter: Tensor, values: readonly Tensor[]): void {
  wantDtype('storeMetrics', 'float32', ring, ...values)
  wantDtype('storeMetrics', 'uint32', counter)
  const [rows, columns] = ring.shape
  if (ring.rank !== 2 || columns !== values.length || values.some(({ size }) => size !== 1)) {
    throw new ShapeError(`storeMetrics: wants ${columns} scalars for a ring ${show(ring.shape)}, got ${values.length}`)
  }
  values.forEach((value, column) => {
    ring.device.launch({
      op: 'storeMetric',
      value: value.slice,
      counter: counter.slice,
      ring: ring.slice,
      rows: rows!,
      columns: columns!,
      column,
    })
  })
}
