import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { type Shape, sameShape, show } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'

export interface AffineSampleOptions {
  /** Of the result, in pixels. */
  readonly height: number
  readonly width: number
  readonly interpolation: 'bilinear' | 'bicubic'
  /** What lies outside the image: 0, its nearest pixel, or the image mirrored at its edge. */
  readonly padding: 'zeros' | 'border' | 'reflection'
}

interface Sizes extends AffineSampleOptions {
  readonly batch: number
  readonly channels: number
  readonly inputHeight: number
  readonly inputWidth: number
}

declare module '../device/launch.js' {
  interface Launches {
    /** out[n, r, c] = x[n] at the place theta[n] · (u(c), v(r), 1). */
    affineSample: { x: Slice; theta: Slice; out: Slice } & Sizes
    /** The transpose of affineSample in x: out, of the shape of x, from the gradient `x` of its result. */
    affineSampleBackward: { x: Slice; theta: Slice; out: Slice } & Sizes
  }
}

implement('affineSample', (launch, { limits }) => {
  const { batch, channels, height, width } = launch
  const values = batch * height * width * channels
  return [{ ...common(launch), kernel: 'affine_sample', grid: fold(tiles(values, 64), limits) }]
})

implement('affineSampleBackward', planBackward)

// Channels an invocation of the backward pass sums: more would leave cores idle, fewer repeat the walk.
const CHANNEL_BLOCK = 16

function planBackward(launch: LaunchOf<'affineSampleBackward'>, { limits }: Target): Dispatch[] {
  const { batch, channels, height, width, inputHeight } = launch
  const blocks = tiles(channels, CHANNEL_BLOCK)
  const { params, work, ...rest } = common(launch)
  const invocations = batch * inputHeight * blocks
  return [
    {
      ...rest,
      kernel: 'affine_sample_backward',
      params: { ...params, block: CHANNEL_BLOCK, blocks },
      grid: fold(tiles(invocations, 64), limits),
      work: work + 8 * invocations * height * width,
    },
  ]
}

function common({ x, theta, out, ...sizes }: { x: Slice; theta: Slice; out: Slice } & Sizes) {
  const { batch, channels, height, width, inputHeight, inputWidth, interpolation, padding } = sizes
  const taps = interpolation === 'bicubic' ? 4 : 2
  return {
    parameters: { CUBIC: taps === 4 ? 1 : 0, TAPS: taps, PADDING: padding },
    bindings: [x, theta, out],
    params: { batch, height: inputHeight, width: inputWidth, channels, out_height: height, out_width: width },
    work: batch * height * width * channels * taps * taps,
  }
}

/**
 * Images read through an affine map: PyTorch's `affine_grid` and `grid_sample` with `align_corners=False`. Pixel
 * centres of the result are (u, v) in [−1, 1]², and theta · (u, v, 1) is the place in the image, in the same units.
 * Bicubic is Keys' kernel with A = −0.75. The gradient goes to `x` only.
 *
 * @param x float32 [N, H, W, C]
 * @param theta float32 [N, 2, 3]
 * @returns float32 [N, height, width, C]
 * @throws ShapeError, DtypeError
 */
export function affineSample(x: Tensor, theta: Tensor, options: AffineSampleOptions): Tensor {
  wantDtype('affineSample', 'float32', x, theta)
  if (x.rank !== 4) throw new ShapeError(`affineSample: wants x [N,H,W,C], got ${show(x.shape)}`)
  const [batch, , , channels] = x.shape as [number, number, number, number]
  if (!sameShape(theta.shape, [batch, 2, 3])) {
    throw new ShapeError(`affineSample: x ${show(x.shape)} wants theta [${batch},2,3], got ${show(theta.shape)}`)
  }
  const out = empty([batch, options.height, options.width, channels], 'float32', x.device)
  const sizes = sizesOf(x.shape, options)
  x.device.launch({ op: 'affineSample', x: x.slice, theta: theta.slice, out: out.slice, ...sizes })
  return differentiable(out, [x, theta], g => [affineSampleBackward(g, theta, x.shape, options), null])
}

/** Linear in `gradient`, so that its own gradient is `affineSample` again. */
function affineSampleBackward(gradient: Tensor, theta: Tensor, shape: Shape, options: AffineSampleOptions): Tensor {
  const out = empty(shape, 'float32', gradient.device)
  const sizes = sizesOf(shape, options)
  out.device.launch({ op: 'affineSampleBackward', x: gradient.slice, theta: theta.slice, out: out.slice, ...sizes })
  return differentiable(out, [gradient], g => [affineSample(g, theta, options)])
}

function sizesOf(shape: Shape, { height, width, interpolation, padding }: AffineSampleOptions): Sizes {
  const [batch, inputHeight, inputWidth, channels] = shape as [number, number, number, number]
  return { batch, channels, inputHeight, inputWidth, height, width, interpolation, padding }
}
