import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import { type Shape, show } from '../tensor/shape.js'
import { differentiable, onceDifferentiable, willRecord } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { lanesOf } from './lanes.js'
import { mean } from './reduce.js'
import { reshape } from './reshape.js'

/** A window over x [N, height, width, channels] that gives y [N, outHeight, outWidth, channels]. */
interface Window {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly size: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
}

declare module '../device/launch.js' {
  interface Launches {
    /** The largest pixel of each window, with `index` also where it was; with `average` the mean of its real pixels. */
    pool: Window & { x: Slice; y: Slice; index: Slice | null; average: boolean }
    /** The gradient of pool's x from that of its y; without `index` that of the mean. */
    poolGradient: Window & { g: Slice; dx: Slice; index: Slice | null }
  }
}

implement('pool', ({ x, y, index, average, ...window }, target) => {
  const { T, INDEX, width, columns } = lanesOf(window.channels)
  const [sizeY, sizeX] = window.size
  const elements = window.batch * window.outHeight * window.outWidth * window.channels
  const { parameters, params, grid } = stream(elements / width, target)
  const writtenOut = window.padding.every(pixels => pixels === 0) && sizeY * sizeX <= MOST_WRITTEN_OUT
  return [
    {
      kernel: 'pool',
      parameters: {
        ...parameters,
        ...{ T, AVERAGE: Number(average), INDEX: index ? INDEX : '', RANK: 4 },
        ...{ SIZE_H: writtenOut ? sizeY : 0, SIZE_W: writtenOut ? sizeX : 0 },
      },
      bindings: index ? [x, y, index] : [x, y],
      params: {
        ...params,
        ...{ size_1: window.outHeight, size_2: window.outWidth, size_3: columns },
        ...{ height: window.height, width: window.width },
        ...stepsOf(window),
      },
      grid,
      work: elements * sizeY * sizeX,
    },
  ]
})

implement('poolGradient', ({ g, dx, index, ...window }, target) => {
  const { T, INDEX, width, columns } = lanesOf(window.channels)
  const elements = window.batch * window.height * window.width * window.channels
  const { parameters, params, grid } = stream(elements / width, target)
  return [
    {
      kernel: 'pool_gradient',
      parameters: { ...parameters, T, INDEX, AVERAGE: Number(index === null), RANK: 4 },
      bindings: index ? [g, dx, index] : [g, dx],
      params: {
        ...params,
        ...{ size_1: window.height, size_2: window.width, size_3: columns },
        ...{ out_height: window.outHeight, out_width: window.outWidth },
        ...stepsOf(window),
      },
      grid,
      work: elements * window.size[0] * window.size[1],
    },
  ]
})

/** Pixels of a window that the kernel is written out for: small loops cost more than their bodies, large ones compile long. */
const MOST_WRITTEN_OUT = 9

function stepsOf({ size, stride, padding }: Window) {
  return {
    ...{ size_h: size[0], size_w: size[1] },
    ...{ stride_h: stride[0], stride_w: stride[1] },
    ...{ padding_h: padding[0], padding_w: padding[1] },
  }
}

export interface PoolOptions {
  /** Height and width of the window; one number for a square. */
  readonly size: number | readonly [number, number]
  /** By default the size: windows side by side. */
  readonly stride?: number | readonly [number, number]
  /** Rows and columns added on every side, less than the size; they never count. */
  readonly padding?: number | readonly [number, number]
}

/**
 * The largest pixel under each window of x [N, H, W, C]; the gradient, of first order, goes to the first of equals.
 * A window at the right or lower edge that does not fit is left out.
 * @throws ShapeError, DtypeError
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  const window = windowOf('maxPool2d', x, options)
  const shape = outputShape(window)
  const y = empty(shape, 'float32', x.device)
  if (!willRecord([x])) {
    x.device.launch({ op: 'pool', x: x.slice, y: y.slice, index: null, average: false, ...window })
    return y
  }
  const index = empty(shape, 'int32', x.device)
  x.device.launch({ op: 'pool', x: x.slice, y: y.slice, index: index.slice, average: false, ...window })
  return onceDifferentiable('maxPool2d', y, [x], g => {
    const dx = empty(x.shape, 'float32', x.device)
    x.device.launch({ op: 'poolGradient', g: g.slice, dx: dx.slice, index: index.slice, ...window })
    return [dx]
  })
}

/**
 * The mean of the real pixels under each window of x [N, H, W, C] (PyTorch's `count_include_pad=False`).
 * @throws ShapeError, DtypeError
 */
export function averagePool2d(x: Tensor, options: PoolOptions): Tensor {
  const window = windowOf('averagePool2d', x, options)
  const y = empty(outputShape(window), 'float32', x.device)
  x.device.launch({ op: 'pool', x: x.slice, y: y.slice, index: null, average: true, ...window })
  return differentiable(y, [x], g => [averagePoolGradient(g, x.shape, window, options)])
}

function averagePoolGradient(g: Tensor, shape: Shape, window: Window, options: PoolOptions): Tensor {
  const dx = empty(shape, 'float32', g.device)
  g.device.launch({ op: 'poolGradient', g: g.slice, dx: dx.slice, index: null, ...window })
  return differentiable(dx, [g], second => [averagePool2d(second, options)])
}

/**
 * [N, H, W, C] → [N, 4·C]: the largest value of each channel in the upper left, upper right, lower left and lower right
 * quarter, one quarter behind the other. Quarters of odd sides share their middle line.
 *
 * @throws ShapeError, also for a side of 1; DtypeError
 */
export function quadrantMaxPool(x: Tensor): Tensor {
  const [batch, height = 0, width = 0, channels = 0] = x.shape
  if (x.rank !== 4 || height < 2 || width < 2) {
    throw new ShapeError(`quadrantMaxPool: wants x [N,H,W,C] of at least 2 x 2 pixels, got ${show(x.shape)}`)
  }
  const half = (round: (value: number) => number) => [round(height / 2), round(width / 2)] as const
  return reshape(maxPool2d(x, { size: half(Math.ceil), stride: half(Math.floor) }), [batch!, 4 * channels])
}

/** [N, H, W, C] → [N, C]: the mean over all pixels. @throws ShapeError, DtypeError */
export function globalAveragePool(x: Tensor): Tensor {
  wantDtype('globalAveragePool', 'float32', x)
  if (x.rank !== 4) throw new ShapeError(`globalAveragePool: wants x [N,H,W,C], got ${show(x.shape)}`)
  return mean(x, [1, 2])
}

function outputShape({ batch, outHeight, outWidth, channels }: Window): number[] {
  return [batch, outHeight, outWidth, channels]
}

function windowOf(name: string, x: Tensor, options: PoolOptions): Window {
  wantDtype(name, 'float32', x)
  const [batch, height, width, channels] = x.shape
  if (x.rank !== 4) throw new ShapeError(`${name}: wants x [N,H,W,C], got ${show(x.shape)}`)
  const size = pair(options.size)
  const stride = pair(options.stride ?? size)
  const padding = pair(options.padding ?? 0)
  const whole = [...size, ...stride, ...padding].every(Number.isInteger)
  if (!whole || Math.min(...size, ...stride) < 1 || padding.some((each, i) => each < 0 || each >= size[i]!)) {
    throw new ShapeError(
      `${name}: wants whole numbers, size and stride of at least 1 and a padding below the size, ` +
        `got size ${show(size)}, stride ${show(stride)}, padding ${show(padding)}`,
    )
  }
  const steps = (length: number, axis: 0 | 1) =>
    Math.floor((length + 2 * padding[axis] - size[axis]) / stride[axis]) + 1
  const outHeight = steps(height!, 0)
  const outWidth = steps(width!, 1)
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `${name}: a window ${show(size)} does not fit into x ${show(x.shape)}; pad it or take a smaller one`,
    )
  }
  return {
    batch: batch!,
    height: height!,
    width: width!,
    channels: channels!,
    outHeight,
    outWidth,
    size,
    stride,
    padding,
  }
}

function pair(value: number | readonly [number, number]): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value
}
