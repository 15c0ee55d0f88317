import { ShapeError } from '../device/errors.js'
import { type Shape, sameShape, show, sizeOf } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'

/** The same elements in another shape, without a copy. One dimension may be −1: it takes what is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const open = shape.indexOf(-1)
  const known = sizeOf(shape.filter(size => size !== -1))
  const full = open < 0 ? shape : shape.map((size, axis) => (axis === open ? x.size / known : size))
  if (sizeOf(full) !== x.size || full.some(size => !Number.isInteger(size) || size < 1)) {
    throw new ShapeError(`reshape: ${show(x.shape)} has ${x.size} elements, ${show(shape)} does not hold them`)
  }
  if (sameShape(full, x.shape)) return x
  return differentiable(x.alias(full), [x], g => [reshape(g, x.shape)])
}
