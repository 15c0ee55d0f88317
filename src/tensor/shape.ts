import { ShapeError } from '../device/errors.js'

export type Shape = readonly number[]

/** The number of elements: 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, dimension) => size * dimension, 1)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis])
}

/** `[8,28,28,1]`, as errors print it. */
export function show(shape: Shape): string {
  return `[${shape.join(',')}]`
}

/** @throws ShapeError unless every dimension is a whole number of at least 1. */
export function checkShape(name: string, shape: Shape): void {
  if (shape.some(dimension => !Number.isInteger(dimension) || dimension < 1)) {
    throw new ShapeError(`${name}: wants dimensions of at least 1, got ${show(shape)}`)
  }
}

/** NumPy's rule: align at the last axis, a dimension of 1 stretches. */
export function broadcast(name: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map(shape => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const dimensions = shapes.map(shape => shape[axis - rank + shape.length] ?? 1)
    const dimension = Math.max(...dimensions)
    if (dimensions.some(each => each !== 1 && each !== dimension)) {
      throw new ShapeError(`${name}: shapes ${shapes.map(show).join(' and ')} do not broadcast`)
    }
    return dimension
  })
}

/** Axes counted from the front, sorted, each once; `undefined` means all. Negative ones count from the back. */
export function normaliseAxes(name: string, rank: number, axes?: number | readonly number[]): number[] {
  const list = axes === undefined ? Array.from({ length: rank }, (_, axis) => axis) : [axes].flat()
  const fromFront = list.map(axis => {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
      throw new ShapeError(`${name}: axis ${axis} of a tensor of rank ${rank}`)
    }
    return axis < 0 ? axis + rank : axis
  })
  return [...new Set(fromFront)].sort((a, b) => a - b)
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}
