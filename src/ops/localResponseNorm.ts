import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'

/** Rows of `channels` and a window of `size` channels around each. */
interface Sizes {
  readonly rows: number
  readonly channels: number
  readonly size: number
  readonly alpha: number
  readonly beta: number
}

declare module '../device/launch.js' {
  interface Launches {
    /** y = x · scale^(−beta), scale = offset + alpha / size · Σ x² over the window; x, scale, y [rows, channels]. */
    localResponseNorm: Sizes & { x: Slice; scale: Slice; y: Slice; offset: number }
    /** The gradient of localResponseNorm's x from that of its y. */
    localResponseNormGradient: Sizes & { g: Slice; x: Slice; scale: Slice; y: Slice; dx: Slice }
  }
}

implement('localResponseNorm', ({ x, scale, y, rows, channels, size, alpha, beta, offset }, { limits }) => [
  {
    kernel: 'local_response_norm',
    bindings: [x, scale, y],
    params: {
      count: rows * channels,
      channels,
      before: beforeOf(size),
      after: afterOf(size),
      factor: alpha / size,
      beta,
      offset,
    },
    grid: fold(tiles(rows * channels, 64), limits),
    work: rows * channels * size,
  },
])

implement('localResponseNormGradient', ({ g, x, scale, y, dx, rows, channels, size, alpha, beta }, { limits }) => [
  {
    kernel: 'local_response_norm_gradient',
    bindings: [g, x, scale, y, dx],
    params: {
      count: rows * channels,
      channels,
      before: beforeOf(size),
      after: afterOf(size),
      factor: alpha / size,
      beta,
    },
    grid: fold(tiles(rows * channels, 64), limits),
    work: rows * channels * size,
  },
])

function beforeOf(size: number): number {
  return Math.floor(size / 2)
}

function afterOf(size: number): number {
  return Math.floor((size - 1) / 2)
}

export interface LocalResponseNormOptions {
  /** n: how many neighbouring channels count, the channel itself in their middle. */
  readonly size: number
  /** @default 1e-4 */
  readonly alpha?: number
  /** @default 0.75 */
  readonly beta?: number
  /** k. @default 1 */
  readonly offset?: number
}

/**
 * x / (k + α/n · Σ x²)^β, the sum over the n channels around each of x [..., C], as far as there are any (Krizhevsky,
 * Sutskever & Hinton, 2012, section 3.3, whose α is α/n here, as in Caffe and PyTorch). The gradient is of first order.
 *
 * @throws ShapeError, DtypeError, ConfigError for a size that is no whole number of at least 1, or k ≤ 0
 */
export function localResponseNorm(x: Tensor, options: LocalResponseNormOptions): Tensor {
  const { size, alpha = 1e-4, beta = 0.75, offset = 1 } = options
  wantDtype('localResponseNorm', 'float32', x)
  const channels = x.shape.at(-1)
  if (channels === undefined) throw new ShapeError('localResponseNorm: wants x [..., C], got a scalar')
  if (!Number.isInteger(size) || size < 1 || !(offset > 0)) {
    throw new ConfigError(`localResponseNorm: wants a size from 1 and an offset above 0, got ${size} and ${offset}`)
  }
  const sizes = { rows: x.size / channels, channels, size, alpha, beta }
  const y = empty(x.shape, 'float32', x.device)
  const scale = empty(x.shape, 'float32', x.device)
  x.device.launch({ op: 'localResponseNorm', x: x.slice, scale: scale.slice, y: y.slice, ...sizes, offset })
  return onceDifferentiable('localResponseNorm', y, [x], g => {
    const dx = empty(x.shape, 'float32', x.device)
    const operands = { g: g.slice, x: x.slice, scale: scale.slice, y: y.slice, dx: dx.slice }
    x.device.launch({ op: 'localResponseNormGradient', ...operands, ...sizes })
    return [dx]
  })
}
