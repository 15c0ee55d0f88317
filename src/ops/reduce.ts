import type { Slice } from '../device/device.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { ones } from '../tensor/create.js'
import { normaliseAxes, sizeOf } from '../tensor/shape.js'
import { differentiable, noGrad } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { mul, neg, sub } from './elementwise.js'
import { aroundAxes, reduceAxes } from './reduce.launch.js'
import { reshape } from './reshape.js'
import { type Axes, keptShape, type ReduceOptions, reduceWith, sum } from './sum.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[o, i] = the first r with the largest x[o, r, i]. */
    argmax: { x: Slice; out: Slice; outer: number; length: number; inner: number }
    /** out[o, r, i] = value[o, i] at r = index[o, i], else 0. */
    place: { value: Slice; index: Slice; out: Slice; outer: number; length: number; inner: number }
  }
}

implement('argmax', ({ x, out, outer, length, inner }, { limits }) => [
  {
    kernel: 'argmax',
    bindings: [x, out],
    params: { outer, length, inner },
    grid: fold(tiles(outer * inner, 64), limits),
    work: outer * length * inner,
  },
])

implement('place', ({ value, index, out, outer, length, inner }, { limits }) => [
  {
    kernel: 'place',
    bindings: [value, index, out],
    params: { outer, length, inner },
    grid: fold(tiles(outer * length * inner, 256), limits),
    work: outer * length * inner,
  },
])

/** The arithmetic mean over `axes` (all by default). */
export function mean(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  const list = normaliseAxes('mean', x.rank, axes)
  return mul(sum(x, list, options), 1 / countOf(x, list))
}

/** The largest element over `axes`; the gradient goes to the first of equals. */
export function max(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  wantDtype('max', 'float32', x)
  const list = normaliseAxes('max', x.rank, axes)
  const out = reduceWith(x, list, maxAxes)
  return options.keepDims ? reshape(out, keptShape(x.shape, list)) : out
}

/** The smallest element over `axes`; the gradient goes to the first of equals. */
export function min(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  wantDtype('min', 'float32', x)
  return neg(max(neg(x), axes, options))
}

/** Σ(x − mean)² / (n − correction) over `axes`: correction 0 for the population, 1 for a sample. */
export function variance(
  x: Tensor,
  axes?: Axes,
  options: ReduceOptions & { readonly correction?: number } = {},
): Tensor {
  const { correction = 0, ...rest } = options
  const list = normaliseAxes('variance', x.rank, axes)
  const centred = sub(x, mean(x, list, { keepDims: true }))
  return mul(sum(mul(centred, centred), list, rest), 1 / (countOf(x, list) - correction))
}

/** The index of the first largest element along `axis`, int32. No gradient. */
export function argmax(x: Tensor, axis: number): Tensor {
  wantDtype('argmax', 'float32', x)
  const [at] = normaliseAxes('argmax', x.rank, axis)
  return indexOfMax(x, at!, at! + 1)
}

function indexOfMax(x: Tensor, begin: number, end: number): Tensor {
  const out = empty([...x.shape.slice(0, begin), ...x.shape.slice(end)], 'int32', x.device)
  x.device.launch({ op: 'argmax', x: x.slice, out: out.slice, ...aroundAxes(x, begin, end) })
  return out
}

function maxAxes(x: Tensor, begin: number, end: number): Tensor {
  const out = reduceAxes(x, begin, end, 'max')
  return differentiable(out, [x], g => [place(g, x, begin, end)])
}

/** The gradient of `maxAxes`: linear in `value`, so that second order is a gather of the same elements. */
function place(value: Tensor, x: Tensor, begin: number, end: number): Tensor {
  const index = noGrad(() => indexOfMax(x, begin, end))
  const out = empty(x.shape, 'float32', x.device)
  const sizes = aroundAxes(x, begin, end)
  x.device.launch({ op: 'place', value: value.slice, index: index.slice, out: out.slice, ...sizes })
  const axes = Array.from({ length: end - begin }, (_, i) => begin + i)
  return differentiable(out, [value], g => {
    const chosen = place(ones(value.shape, { device: x.device }), x, begin, end)
    return [sum(mul(g, chosen), axes)]
  })
}

function countOf(x: Tensor, axes: readonly number[]): number {
  return sizeOf(axes.map(axis => x.shape[axis]!))
}
