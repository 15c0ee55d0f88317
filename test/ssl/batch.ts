/** What a step would hand to a method: views, with images 0, 1, … of classes 0, 1, 2, 3, 0, … */
import type { Batch } from '../../src/ssl/method.js'
import { tensor } from '../../src/tensor/create.js'
import type { Tensor } from '../../src/tensor/tensor.js'

export function batchOf(...views: readonly Tensor[]): Batch {
  const { device, shape } = views[0]!
  const count = (of: (i: number) => number) =>
    tensor(
      Int32Array.from({ length: shape[0]! }, (_, i) => of(i)),
      { dtype: 'int32', device },
    )
  return { views, indices: count(i => i), labels: count(i => i % 4) }
}
