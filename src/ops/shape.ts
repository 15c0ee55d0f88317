import { DtypeError, ShapeError } from '../device/errors.js'
import { zeros } from '../tensor/create.js'
import { normaliseAxes, type Shape, sameShape, show, stridesOf } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { reshape } from './reshape.js'
import { positionOf } from './shape.launch.js'

export { reshape } from './reshape.js'

/**
 * `x` with its axes in another order: axis i of the result is axis `axes[i]` of `x`. Reverses them by default. Shares
 * the memory where only axes of length 1 move.
 *
 * @throws ShapeError unless `axes` names every axis once, DtypeError for uint8
 */
export function transpose(x: Tensor, axes?: readonly number[]): Tensor {
  wantWords('transpose', x)
  const order = axes?.map(axis => normaliseAxes('transpose', x.rank, axis)[0]!) ?? x.shape.map((_, i) => x.rank - 1 - i)
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError(
      `transpose: wants each of the ${x.rank} axes of ${show(x.shape)} once, got ${show(axes ?? [])}`,
    )
  }
  const shape = order.map(axis => x.shape[axis]!)
  const moved = order.filter(axis => x.shape[axis] !== 1)
  if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return reshape(x, shape)
  const strides = stridesOf(x.shape)
  const out = empty(shape, x.dtype, x.device)
  x.device.launch({
    op: 'copy',
    source: x.slice,
    out: out.slice,
    shape,
    sourceAt: 0,
    sourceStrides: order.map(axis => strides[axis]!),
    outAt: 0,
    outStrides: stridesOf(shape),
  })
  const back = order.map((_, axis) => order.indexOf(axis))
  return differentiable(out, [x], g => [transpose(g, back)])
}

/**
 * The block of `sizes` that begins at `starts`, one of each an axis. The whole of `x` is `x` itself.
 *
 * @throws ShapeError when the block is not inside `x`, DtypeError for uint8
 */
export function slice(x: Tensor, starts: readonly number[], sizes: readonly number[]): Tensor {
  wantWords('slice', x)
  const fits = (size: number, axis: number) => {
    const start = starts[axis]!
    const whole = Number.isInteger(start) && Number.isInteger(size)
    return whole && start >= 0 && size >= 1 && start + size <= x.shape[axis]!
  }
  if (starts.length !== x.rank || sizes.length !== x.rank || !sizes.every(fits)) {
    throw new ShapeError(`slice: the block ${show(sizes)} at ${show(starts)} does not lie in x ${show(x.shape)}`)
  }
  if (sameShape(sizes, x.shape)) return reshape(x, sizes)
  const strides = stridesOf(x.shape)
  const out = empty(sizes, x.dtype, x.device)
  x.device.launch({
    op: 'copy',
    source: x.slice,
    out: out.slice,
    shape: sizes,
    sourceAt: positionOf(starts, strides),
    sourceStrides: strides,
    outAt: 0,
    outStrides: stridesOf(sizes),
  })
  return differentiable(out, [x], g => [surround(g, starts, x.shape)])
}

/** Zeros of `shape` with `x` as the block that begins at `starts`: the gradient of `slice`. */
function surround(x: Tensor, starts: readonly number[], shape: Shape): Tensor {
  const out = zeros(shape, { dtype: x.dtype, device: x.device })
  place(x, out, starts)
  return differentiable(out, [x], g => [slice(g, starts, x.shape)])
}

/**
 * Tensors one behind the other along `axis`: [2,3] and [2,5] along 1 give [2,8].
 *
 * @throws ShapeError when they differ along another axis, DtypeError when their dtypes differ or are uint8
 */
export function concat(xs: readonly Tensor[], axis: number): Tensor {
  const first = xs[0]
  if (!first) throw new ShapeError('concat: wants at least one tensor, got none')
  wantWords('concat', ...xs)
  const other = xs.find(({ dtype }) => dtype !== first.dtype)
  if (other) throw new DtypeError(`concat: wants tensors of one dtype, got ${first.dtype} and ${other.dtype}; use cast`)
  const at = normaliseAxes('concat', first.rank, axis)[0]!
  const odd = xs.find(({ shape }) => !sameShape(shape.toSpliced(at, 1), first.shape.toSpliced(at, 1)))
  if (odd) {
    throw new ShapeError(`concat: ${show(first.shape)} and ${show(odd.shape)} differ along another axis than ${axis}`)
  }
  const length = xs.reduce((sum, { shape }) => sum + shape[at]!, 0)
  const out = empty(first.shape.with(at, length), first.dtype, first.device)
  let start = 0
  const starts = xs.map(x => {
    const begin = first.shape.map((_, i) => (i === at ? start : 0))
    place(x, out, begin)
    start += x.shape[at]!
    return begin
  })
  return differentiable(out, xs, (g, needed) => xs.map((x, i) => (needed[i] ? slice(g, starts[i]!, x.shape) : null)))
}

/**
 * The first axis cut into so many equal parts, one after the other: what `concat` along 0 puts together.
 *
 * @throws ShapeError when the parts are not equal
 */
export function split<Parts extends number>(x: Tensor, parts: Parts): Tuple<Parts> {
  const [rows = 0, ...rest] = x.shape
  const size = rows / parts
  if (x.rank === 0 || !Number.isInteger(size)) {
    throw new ShapeError(`split: wants a first axis that ${parts} parts divide, got x ${show(x.shape)}`)
  }
  const starts = (part: number) => [part * size, ...rest.map(() => 0)]
  return Array.from({ length: parts }, (_, part) => slice(x, starts(part), [size, ...rest])) as Tuple<Parts>
}

/** As many tensors as a literal number says. */
type Tuple<Parts extends number> = number extends Parts
  ? Tensor[]
  : Parts extends 2
    ? [Tensor, Tensor]
    : Parts extends 3
      ? [Tensor, Tensor, Tensor]
      : Tensor[]

/** Overwrites `out` in place with `x` of the same shape: not on the tape. @throws ShapeError, DtypeError */
export function assign(out: Tensor, x: Tensor): void {
  if (!sameShape(out.shape, x.shape) || out.dtype !== x.dtype) {
    throw new ShapeError(`assign: wants ${out.dtype} ${show(out.shape)}, got ${x.dtype} ${show(x.shape)}`)
  }
  wantWords('assign', x)
  place(
    x,
    out,
    out.shape.map(() => 0),
  )
}

/** Copies `x` into `out` as the block that begins at `starts`. */
function place(x: Tensor, out: Tensor, starts: readonly number[]): void {
  const outStrides = stridesOf(out.shape)
  x.device.launch({
    op: 'copy',
    source: x.slice,
    out: out.slice,
    shape: x.shape,
    sourceAt: 0,
    sourceStrides: stridesOf(x.shape),
    outAt: positionOf(starts, outStrides),
    outStrides,
  })
}

/** @throws DtypeError for uint8, whose elements do not fill words of the device. */
function wantWords(op: string, ...tensors: readonly Tensor[]): void {
  const bytes = tensors.find(({ dtype }) => dtype === 'uint8')
  if (bytes) throw new DtypeError(`${op}: wants float32, int32 or uint32, got uint8 ${show(bytes.shape)}; use cast`)
}
