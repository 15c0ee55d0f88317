import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, type Target, tiles } from '../device/webgpu/plan.js'
import { type ImplicitProduct, prefersWorkgroup, workgroupTile } from './convolutionTile.plan.js'
import { extentOf, planMatmul, type Tile } from './matmul.plan.js'

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

/** What a test or a benchmark may prescribe instead of the planner's own choice. */
export interface ConvolutionForce {
  /** `direct`: no detour over matmul where the kernel is 1×1. */
  readonly direct?: boolean
  /** Whether tiles lie in registers alone or are shared through workgroup memory. */
  readonly kernel?: 'register' | 'workgroup'
  /**
   * Rows are pixels in forward and backward-data, input channels in backward-filter (1 or a multiple of 4). In workgroup
   * memory: 8 rows, 1 or 2 columns, x = 8, y = 8 or 16.
   */
  readonly tile?: Tile
  /** Backward-filter only. */
  readonly splits?: number
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
    return planMatmul({ ...PRODUCT, a: x, b: filter, out, m, n, k }, target)
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
    transposed: false,
    y: {
      scale: launch.strideY,
      base: -launch.top,
      step: launch.dilationY,
      taps: kernelHeight,
      first: 0,
      hop: 1,
      spread: 1,
      phase: 0,
    },
    x: {
      scale: launch.strideX,
      base: -launch.left,
      step: launch.dilationX,
      taps: kernelWidth,
      first: 0,
      hop: 1,
      spread: 1,
      phase: 0,
    },
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
    return planMatmul({ ...PRODUCT, a: dy, b: filter, transposeB: true, out, m, n, k }, target)
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
        transposed: true,
        y: tapsOfPhase(phaseY, launch.strideY, launch.top, launch.dilationY, launch.kernelHeight),
        x: tapsOfPhase(phaseX, launch.strideX, launch.left, launch.dilationX, launch.kernelWidth),
      }
      dispatches.push(dispatchOf(gather, launch, [dy, filter, out], target, force))
    }
  }
  return dispatches
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
  readonly transposed: boolean
  readonly y: AxisTaps
  readonly x: AxisTaps
}

function dispatchOf(
  gather: Gather,
  { images, groups, kernelWidth }: ConvolutionSizes,
  bindings: readonly Binding[],
  target: Target,
  force: ConvolutionForce,
  norm?: NormOfSums,
): Dispatch {
  const { depth, columns, transposed, y, x } = gather
  const rows = images * gather.rowHeight * gather.rowWidth
  const product: ImplicitProduct = { rows, columns, length: depth * y.taps * x.taps, repeats: groups }
  const shared = force.kernel ? force.kernel === 'workgroup' : prefersWorkgroup(product, target)
  const tile = force.tile ?? (shared ? workgroupTile(product) : gatherTile(columns, target))
  const extent = extentOf(tile)
  const rowTiles = tiles(rows, extent.rows)
  const columnTiles = tiles(columns, extent.columns)
  const wholeDepth = Number(depth % 4 === 0)
  const wholeColumns = Number(columns % 4 === 0)
  const common = {
    R: tile.rows,
    C: tile.columns,
    Y: tile.y,
    VEC_OUT: wholeColumns,
    FILTER_TRANSPOSED: Number(transposed),
    NORM: Number(norm !== undefined),
    RELU: Number(norm?.relu ?? false),
    RESIDUAL: Number(Boolean(norm?.residual)),
  }
  return {
    ...(shared
      ? {
          kernel: 'conv2d_workgroup',
          parameters: { ...common, VEC_X: wholeDepth, VEC_FILTER: transposed ? wholeDepth : wholeColumns },
        }
      : {
          kernel: 'conv2d',
          parameters: { ...common, X: tile.x, VEC_X: 0, VEC_FILTER: transposed ? 0 : wholeColumns },
        }),
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
      first_y: y.first,
      first_x: x.first,
      hop_y: y.hop,
      hop_x: x.hop,
      kernel_width: kernelWidth,
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

/** On a software adapter lanes run along pixels, because their number is always large; on a GPU along both. */
function gatherTile(columns: number, { software }: Target): Tile {
  if (software) return { rows: 16, columns: columns <= 4 ? 1 : 2, x: 1, y: 8 }
  return columns <= 16 ? { rows: 4, columns: 1, x: 4, y: 16 } : { rows: 4, columns: 1, x: 8, y: 8 }
}

/** A 1×1 kernel without stride, padding or groups is a matrix product over pixels. */
export function isProduct(sizes: ConvolutionSizes): boolean {
  const { kernelHeight, kernelWidth, strideY, strideX, groups } = sizes
  const unpadded =
    sizes.height === sizes.outHeight && sizes.width === sizes.outWidth && sizes.top === 0 && sizes.left === 0
  return kernelHeight * kernelWidth * strideY * strideX * groups === 1 && unpadded
}

/** The rest of the launch of such a product. */
export const PRODUCT = {
  op: 'matmul',
  batch: 1,
  transposeA: false,
  transposeB: false,
  sharedA: true,
  sharedB: true,
} as const
