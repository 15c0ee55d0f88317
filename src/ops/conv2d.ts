import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import type { Precision } from '../device/launch.js'
import { implement, offer } from '../device/webgpu/plan.js'
import { currentPrecision } from '../tensor/context.js'
import { type Shape, sameShape, show } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { type ConvolutionSizes, planConv2d, planConv2dBackwardData } from './conv2d.plan.js'
import { planConv2dBackwardFilter } from './conv2dBackwardFilter.plan.js'
import { otherTiles } from './otherTiles.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[n, i, j, o] = Σ x[n, i·stride − top + s·dilation, …, c] · filter[s, t, c, o]. */
    conv2d: { x: Slice; filter: Slice; out: Slice; precision?: Precision } & ConvolutionSizes
    /** out is the gradient of x from dy, the gradient of conv2d's output. */
    conv2dBackwardData: { dy: Slice; filter: Slice; out: Slice; precision?: Precision } & ConvolutionSizes
    /** out is the gradient of the filter. */
    conv2dBackwardFilter: { x: Slice; dy: Slice; out: Slice; precision?: Precision } & ConvolutionSizes
  }
}

implement('conv2d', planConv2d)
implement('conv2dBackwardData', planConv2dBackwardData)
implement('conv2dBackwardFilter', planConv2dBackwardFilter)
offer('conv2d', (launch, target) => otherTiles(force => planConv2d(launch, target, force), target))
offer('conv2dBackwardData', (launch, target) =>
  otherTiles(force => planConv2dBackwardData(launch, target, force), target),
)
offer('conv2dBackwardFilter', (launch, target) =>
  otherTiles(force => planConv2dBackwardFilter(launch, target, force), target),
)

export interface Conv2dOptions {
  readonly stride?: number | readonly [vertical: number, horizontal: number]
  /** Zeros around the image. `same`: as many as make the output ⌈size / stride⌉, the odd one below and right. */
  readonly padding?: number | 'same' | readonly [top: number, bottom: number, left: number, right: number]
  readonly dilation?: number | readonly [vertical: number, horizontal: number]
  /** Splits input and output channels; group g of the output sees group g of the input alone. */
  readonly groups?: number
  /** By default what `withPrecision` says. The gradients have it too. */
  readonly precision?: Precision
}

/**
 * Cross-correlation of images `x` [N, H, W, C] with `filter` [kernelHeight, kernelWidth, C / groups, O]:
 * [N, outHeight, outWidth, O].
 *
 * @throws ShapeError, DtypeError
 */
export function conv2d(x: Tensor, filter: Tensor, options: Conv2dOptions = {}): Tensor {
  const precision = options.precision ?? currentPrecision()
  wantDtype('conv2d', 'float32', x, filter)
  const sizes = convolutionSizes('conv2d', x.shape, filter.shape, options)
  const out = empty(outShape(sizes), 'float32', x.device)
  x.device.launch({ op: 'conv2d', x: x.slice, filter: filter.slice, out: out.slice, precision, ...sizes })
  return differentiable(out, [x, filter], (g, needed) => [
    needed[0] ? conv2dBackwardData(g, filter, x.shape, { ...options, precision }) : null,
    needed[1] ? conv2dBackwardFilter(x, g, filter.shape, { ...options, precision }) : null,
  ])
}

/**
 * The gradient of `x` of shape `shape` [N, H, W, C] from `dy`, the gradient of conv2d's output: conv2d transposed.
 *
 * @throws ShapeError, DtypeError
 */
export function conv2dBackwardData(dy: Tensor, filter: Tensor, shape: Shape, options: Conv2dOptions = {}): Tensor {
  const precision = options.precision ?? currentPrecision()
  wantDtype('conv2dBackwardData', 'float32', dy, filter)
  const sizes = convolutionSizes('conv2dBackwardData', shape, filter.shape, options)
  wantGradient('conv2dBackwardData', dy, sizes)
  const out = empty(shape, 'float32', dy.device)
  dy.device.launch({
    op: 'conv2dBackwardData',
    dy: dy.slice,
    filter: filter.slice,
    out: out.slice,
    precision,
    ...sizes,
  })
  return differentiable(out, [dy, filter], (g, needed) => [
    needed[0] ? conv2d(g, filter, { ...options, precision }) : null,
    needed[1] ? conv2dBackwardFilter(g, dy, filter.shape, { ...options, precision }) : null,
  ])
}

/**
 * The gradient of a filter of shape `shape` [kernelHeight, kernelWidth, C / groups, O] from `dy`, the gradient of
 * conv2d's output. The sum over pixels has a fixed order.
 *
 * @throws ShapeError, DtypeError
 */
export function conv2dBackwardFilter(x: Tensor, dy: Tensor, shape: Shape, options: Conv2dOptions = {}): Tensor {
  const precision = options.precision ?? currentPrecision()
  wantDtype('conv2dBackwardFilter', 'float32', x, dy)
  const sizes = convolutionSizes('conv2dBackwardFilter', x.shape, shape, options)
  wantGradient('conv2dBackwardFilter', dy, sizes)
  const out = empty(shape, 'float32', x.device)
  x.device.launch({ op: 'conv2dBackwardFilter', x: x.slice, dy: dy.slice, out: out.slice, precision, ...sizes })
  return differentiable(out, [x, dy], (g, needed) => [
    needed[0] ? conv2dBackwardData(dy, g, x.shape, { ...options, precision }) : null,
    needed[1] ? conv2d(x, g, { ...options, precision }) : null,
  ])
}

export function outShape({ images, outHeight, outWidth, filters }: ConvolutionSizes): number[] {
  return [images, outHeight, outWidth, filters]
}

function wantGradient(name: string, dy: Tensor, sizes: ConvolutionSizes): void {
  const shape = outShape(sizes)
  if (!sameShape(dy.shape, shape))
    throw new ShapeError(`${name}: wants a gradient ${show(shape)}, got ${show(dy.shape)}`)
}

/** Checks shapes and options, and works out the sizes of the output. */
export function convolutionSizes(name: string, x: Shape, filter: Shape, options: Conv2dOptions): ConvolutionSizes {
  if (x.length !== 4) throw new ShapeError(`${name}: wants images [N,H,W,C], got x ${show(x)}`)
  if (filter.length !== 4) {
    throw new ShapeError(`${name}: wants a filter [kernelHeight,kernelWidth,C/groups,O], got ${show(filter)}`)
  }
  const [images, height, width, channels] = x as [number, number, number, number]
  const [kernelHeight, kernelWidth, depth, filters] = filter as [number, number, number, number]
  const { groups = 1, padding = 0 } = options
  const [strideY, strideX] = pairOf(name, 'stride', options.stride ?? 1)
  const [dilationY, dilationX] = pairOf(name, 'dilation', options.dilation ?? 1)
  if (!Number.isInteger(groups) || groups < 1 || filters % groups !== 0) {
    throw new ShapeError(`${name}: wants groups that divide the ${filters} filters, got ${groups}`)
  }
  if (depth * groups !== channels) {
    const inGroups = groups > 1 ? ` in ${groups} groups` : ''
    throw new ShapeError(
      `${name}: filter ${show(filter)} wants ${depth * groups} input channels${inGroups}, got x ${show(x)}`,
    )
  }
  const sides = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding
  if (sides !== 'same' && sides.some(side => !Number.isInteger(side) || side < 0)) {
    throw new ShapeError(`${name}: wants padding of at least 0, got ${show(sides)}`)
  }
  const vertical = axisOf(height, kernelHeight, strideY, dilationY, sides === 'same' ? sides : [sides[0], sides[1]])
  const horizontal = axisOf(width, kernelWidth, strideX, dilationX, sides === 'same' ? sides : [sides[2], sides[3]])
  if (vertical.outputs < 1 || horizontal.outputs < 1) {
    throw new ShapeError(`${name}: filter ${show(filter)} with dilation is larger than the padded image, x ${show(x)}`)
  }
  return {
    images,
    height,
    width,
    channels,
    outHeight: vertical.outputs,
    outWidth: horizontal.outputs,
    filters,
    kernelHeight,
    kernelWidth,
    strideY,
    strideX,
    top: vertical.before,
    left: horizontal.before,
    dilationY,
    dilationX,
    groups,
  }
}

/** Padding before the first pixel and the number of outputs, along one axis. */
function axisOf(extent: number, kernel: number, stride: number, dilation: number, padding: 'same' | [number, number]) {
  const reach = dilation * (kernel - 1) + 1
  if (padding === 'same') {
    const outputs = Math.ceil(extent / stride)
    const total = Math.max((outputs - 1) * stride + reach - extent, 0)
    return { before: Math.floor(total / 2), outputs }
  }
  return { before: padding[0], outputs: Math.floor((extent + padding[0] + padding[1] - reach) / stride) + 1 }
}

function pairOf(name: string, option: string, value: number | readonly [number, number]): readonly [number, number] {
  const pair = typeof value === 'number' ? ([value, value] as const) : value
  if (pair.length !== 2 || pair.some(each => !Number.isInteger(each) || each < 1)) {
    throw new ShapeError(`${name}: wants a ${option} of at least 1, got ${show(pair)}`)
  }
  return pair
}
