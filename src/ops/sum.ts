import { ShapeError } from '../device/errors.js'
import { normaliseAxes, type Shape, sameShape, show } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { runRow } from './elementwise.launch.js'
import { reduceAxes, runsOf } from './reduce.launch.js'
import { reshape } from './reshape.js'

export type Axes = number | readonly number[]

export interface ReduceOptions {
  /** Keeps reduced axes with length 1. */
  readonly keepDims?: boolean
}

/** The sum over `axes` (all of them by default), in a fixed order. */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  wantDtype('sum', 'float32', x)
  const list = normaliseAxes('sum', x.rank, axes)
  const out = reduceWith(x, list, (y, begin, end) => reduceAxes(y, begin, end, 'sum'))
  const kept = keptShape(x.shape, list)
  differentiable(out, [x], g => [broadcastTo(reshape(g, kept), x.shape)])
  return options.keepDims ? reshape(out, kept) : out
}

/** `x` stretched to `shape` by NumPy's rule; its gradient is `sumTo`. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const out = runRow('identity', [x], shape)
  if (!sameShape(out.shape, shape))
    throw new ShapeError(`broadcastTo: ${show(x.shape)} does not stretch to ${show(shape)}`)
  return differentiable(out, [x], g => [sumTo(g, x.shape)])
}

/** Undoes broadcasting: sums `x` over the axes along which `shape` was stretched. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const lead = x.rank - shape.length
  const axes = x.shape.flatMap((size, axis) => (axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : []))
  return reshape(axes.length > 0 ? sum(x, axes) : x, shape)
}

/** Applies a reduction over runs of neighbouring axes, the last run first. */
export function reduceWith(
  x: Tensor,
  axes: readonly number[],
  run: (y: Tensor, begin: number, end: number) => Tensor,
): Tensor {
  let y = axes.length === 0 ? runRow('identity', [x]) : x
  for (const [begin, end] of runsOf(axes)) y = run(y, begin, end)
  return y
}

/** The shape with the reduced axes as 1. */
export function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
}
