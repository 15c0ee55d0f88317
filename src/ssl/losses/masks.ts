import type { Device } from '../../device/device.js'
import { equal, greater, maximum, mul, sub } from '../../ops/elementwise.js'
import { concat, reshape } from '../../ops/shape.js'
import { tensor } from '../../tensor/create.js'
import type { Tensor } from '../../tensor/tensor.js'

/** A logit that no sum of exponentials sees. Not −∞, which would make NaN of 0 · (x − ∞). */
export const NOWHERE = -1e30

/** int32 [count]: 0, 1, 2, … */
export function numbers(count: number, device: Device): Tensor {
  return tensor(
    Int32Array.from({ length: count }, (_, i) => i),
    { device },
  )
}

/** [N, N]: 1 where i = j, else 0. */
export function diagonal(count: number, device: Device): Tensor {
  return sameness(numbers(count, device))
}

/** [2B, 2B] over the rows of one view and then those of the other: 1 where both are views of one image, else 0. */
export function sameImage(batch: number, device: Device): Tensor {
  const images = numbers(batch, device)
  return sameness(concat([images, images], 0))
}

/**
 * [2B, 2B] like `sameImage`, and 1 also for two images of one class. An image whose class is not known (−1) is a class
 * of its own.
 *
 * @param labels int32 [B]
 */
export function sameClass(labels: Tensor): Tensor {
  const twice = concat([labels, labels], 0)
  const known = reshape(greater(twice, -1), [twice.size, 1])
  return maximum(sameImage(labels.size, labels.device), mul(sameness(twice), known))
}

/** [N, N] without its diagonal. */
export function withoutDiagonal(mask: Tensor): Tensor {
  return sub(mask, diagonal(mask.shape[0]!, mask.device))
}

/** [N, N]: 1 where number i equals number j. */
function sameness(numbers: Tensor): Tensor {
  return equal(reshape(numbers, [numbers.size, 1]), reshape(numbers, [1, numbers.size]))
}
