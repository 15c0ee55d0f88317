import type { Slice } from '../device/device.js'
import type { LaunchOf, Precision } from '../device/launch.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { type ConvolutionForce, type ImplicitProduct, sharedTile } from './convolutionTile.plan.js'
import { extentOf, planMatmul, type Tile } from './matmul.plan.js'
import { planCopy } from './shape.launch.js'

/** The sizes of a convolution, the same for its three launches. `top` and `left` are the padding that matters. */
export interface ConvolutionSizes {
  readonly images: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly filters: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly strideY: number
  readonly strideX: number
  readonly top: number
  readonly left: number
  readonly dilationY: number
  readonly dilationX: number
  readonly groups: number
}

/** The second half of a launch of conv2dBatchNorm: y = relu?((sum − mean) · factor + beta + residual). */
export interface NormOfSums {
  /** [4, filters] of `batch_norm_coefficients.wgsl`. */
  readonly coefficients: Binding
  readonly residual: Binding | null
  readonly relu: boolean
}

/** A convolution with a norm behind it takes no detour over matmul, whose kernels know of none. */
export function planConv2d(
  launch: LaunchOf<'conv2d'> | LaunchOf<'conv2dBatchNorm'>,
  target: Target,
  force: ConvolutionForce = {},
  norm?: NormOfSums,
): Dispatch[] {
  const { x, filter, out, images, outHeight, outWidth, groups, kernelHeight, kernelWidth } = launch
  if (isProduct(launch) && !force.direct && !norm) {
    const [m, k, n] = [images * outHeight * outWidth, launch.channels, launch.filters]
    return planMatmul({ ...productOf(launch), a: x, b: filter, out, m, n, k }, target)
  }
  const gather: Gather = {
    rowHeight: outHeight,
    rowWidth: outWidth,
    sourceHeight: launch.height,
    sourceWidth: launch.width,
    outHeight,
    outWidth,
    depth: launch.channels / groups,
    columns: launch.filters / groups,
    y: allTaps(launch.strideY, launch.top, launch.dilationY, kernelHeight),
    x: allTaps(launch.strideX, launch.left, launch.dilationX, kernelWidth),
  }
  return [dispatchOf(gather, launch, [x, filter, out], target, force, norm)]
}

export function planConv2dBackwardData(
  launch: LaunchOf<'conv2dBackwardData'>,
  target: Target,
  force: ConvolutionForce = {},
): Dispatch[] {
  const { dy, filter, out, images, height, width, groups } = launch
  if (isProduct(launch) && !force.direct) {
    const [m, k, n] = [images * height * width, launch.filters, launch.channels]
    return planMatmul({ ...productOf(launch), a: dy, b: filter, transposeB: true, out, m, n, k }, target)
  }
  const dispatches: Dispatch[] = []
  for (let phaseY = 0; phaseY < Math.min(launch.strideY, height); phaseY++) {
    for (let phaseX = 0; phaseX < Math.min(launch.strideX, width); phaseX++) {
      const gather: Gather = {
        rowHeight: tiles(height - phaseY, launch.strideY),
        rowWidth: tiles(width - phaseX, launch.strideX),
        sourceHeight: launch.outHeight,
        sourceWidth: launch.outWidth,
        outHeight: height,
        outWidth: width,
        depth: launch.filters / groups,
        columns: launch.channels / groups,
        y: tapsOfPhase(phaseY, launch.strideY, launch.top, launch.dilationY, launch.kernelHeight),
        x: tapsOfPhase(phaseX, launch.strideX, launch.left, launch.dilationX, launch.kernelWidth),
      }
      const turned = scratch(0, 4 * gather.y.taps * gather.x.taps * gather.depth * launch.channels)
      if (turned.bytes > 0) dispatches.push(...turnFilter(launch, gather, filter, turned, target))
      dispatches.push(dispatchOf(gather, launch, [dy, turned.bytes > 0 ? turned : filter, out], target, force))
    }
  }
  return dispatches
}

/** The taps of one phase with their input channels last, [taps, depth, groups·columns], as forward has them. */
function turnFilter(
  { filters, groups, kernelWidth, channels }: ConvolutionSizes,
  { y, x, depth, columns }: Gather,
  source: Slice,
  out: Binding,
  target: Target,
): Dispatch[] {
  const tap = filters * columns
  const shape = [y.taps, x.taps, depth, groups, columns]
  const sourceStrides = [y.hop * kernelWidth * tap, x.hop * tap, 1, depth, filters]
  const outStrides = [x.taps * depth * channels, depth * channels, channels, columns, 1]
  const sourceAt = (y.first * kernelWidth + x.first) * tap
  return planCopy({ source, out, shape, sourceAt, sourceStrides, outAt: 0, outStrides }, target)
}

/** Along one axis: which source pixel and which tap of the filter tap number t of a row's pixel i means. */
export interface AxisTaps {
  /** source = i·scale + base + t·step. */
  readonly scale: number
  readonly base: number
  readonly step: number
  /** Tap t is the filter's tap first + t·hop; there are `taps` of them. */
  readonly taps: number
  readonly first: number
  readonly hop: number
  /** The row is stored at pixel i·spread + phase. */
  readonly spread: number
  readonly phase: number
}

function allTaps(stride: number, padding: number, dilation: number, taps: number): AxisTaps {
  return { scale: stride, base: -padding, step: dilation, taps, first: 0, hop: 1, spread: 1, phase: 0 }
}

/**
 * The taps k of a filter that reach the input pixels i·stride + phase, and the output pixels they come from:
 * (i·stride + phase + padding − k·dilation) / stride, where that is whole.
 */
export function tapsOfPhase(
  phase: number,
  stride: number,
  padding: number,
  dilation: number,
  kernel: number,
): AxisTaps {
  const hop = stride / gcd(stride, dilation)
  let first = 0
  while (first < hop && (phase + padding - first * dilation) % stride !== 0) first++
  if (first === hop || first >= kernel)
    return { scale: 1, base: 0, step: 0, taps: 0, first: 0, hop, spread: stride, phase }
  return {
    scale: 1,
    base: (phase + padding - first * dilation) / stride,
    step: (-hop * dilation) / stride,
    taps: tiles(kernel - first, hop),
    first,
    hop,
    spread: stride,
    phase,
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}

/** What one dispatch of `conv2d.wgsl` gathers; see that file. */
interface Gather {
  readonly rowHeight: number
  readonly rowWidth: number
  readonly sourceHeight: number
  readonly sourceWidth: number
  readonly outHeight: number
  readonly outWidth: number
  readonly depth: number
  readonly columns: number
  readonly y: AxisTaps
  readonly x: AxisTaps
}

function dispatchOf(
  gather: Gather,
  { images, groups, precision = 'float32' }: ConvolutionSizes & { readonly precision?: Precision },
  bindings: readonly Binding[],
  target: Target,
  force: ConvolutionForce,
  norm?: NormOfSums,
): Dispatch {
  const { depth, columns, y, x } = gather
  const rows = images * gather.rowHeight * gather.rowWidth
  const product: ImplicitProduct = { rows, columns, length: depth * y.taps * x.taps, repeats: groups, precision }
  const shared = sharedTile(product, target, force)
  const tile = force.tile ?? gatherTile(columns, target)
  const extent = shared ?? extentOf(tile)
  const rowTiles = tiles(rows, extent.rows)
  const columnTiles = tiles(columns, extent.columns)
  const inRegisters = {
    R: tile.rows,
    C: tile.columns,
    X: tile.x,
    Y: tile.y,
    HALF: Number(precision === 'float16'),
  }
  return {
    kernel: `conv2d${shared?.suffix ?? ''}`,
    parameters: {
      ...(shared?.parameters ?? inRegisters),
      VEC_X: Number(shared !== undefined && depth % 4 === 0),
      VEC_OUT: Number(columns % 4 === 0),
      NORM: Number(norm !== undefined),
      RELU: Number(norm?.relu ?? false),
      RESIDUAL: Number(Boolean(norm?.residual)),
    },
    bindings: [...bindings, ...(norm ? [norm.coefficients] : []), ...(norm?.residual ? [norm.residual] : [])],
    params: {
      rows,
      row_height: gather.rowHeight,
      row_width: gather.rowWidth,
      source_height: gather.sourceHeight,
      source_width: gather.sourceWidth,
      depth,
      columns,
      groups,
      scale_y: y.scale,
      scale_x: x.scale,
      base_y: y.base,
      base_x: x.base,
      step_y: y.step,
      step_x: x.step,
      taps_y: y.taps,
      taps_x: x.taps,
      out_height: gather.outHeight,
      out_width: gather.outWidth,
      spread_y: y.spread,
      spread_x: x.spread,
      phase_y: y.phase,
      phase_x: x.phase,
      row_tiles: rowTiles,
      column_tiles: columnTiles,
    },
    grid: fold(rowTiles * columnTiles * groups, target.limits),
    work: rows * columns * groups * Math.max(1, product.length),
  }
}

/**
 * On a software adapter lanes run along pixels, because their number is always large; on a GPU along both, with none beyond
 * the channels of a group, which are few in a grouped convolution and one in a depthwise.
 */
function gatherTile(columns: number, { software }: Target): Tile {
  if (software) return { rows: 16, columns: columns <= 4 ? 1 : 2, x: 1, y: 8 }
  const x = columns <= 4 ? 1 : columns <= 8 ? 2 : columns <= 16 ? 4 : 8
  return { rows: 4, columns: 1, x, y: 64 / x }
}

/** A 1×1 kernel without stride, padding or groups is a matrix product over pixels. */
export function isProduct(sizes: ConvolutionSizes): boolean {
  const { kernelHeight, kernelWidth, strideY, strideX, groups } = sizes
  const unpadded =
    sizes.height === sizes.outHeight && sizes.width === sizes.outWidth && sizes.top === 0 && sizes.left === 0
  return kernelHeight * kernelWidth * strideY * strideX * groups === 1 && unpadded
}

/** The rest of the launch of such a product. */
export function productOf({ precision = 'float32' }: { readonly precision?: Precision }) {
  const plain = { batch: 1, transposeA: false, transposeB: false, sharedA: true, sharedB: true }
  return { op: 'matmul', precision, ...plain } as const
}
