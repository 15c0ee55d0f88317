import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { type ConvolutionSizes, isProduct, productOf } from './conv2d.plan.js'
import { type ConvolutionForce, type ImplicitProduct, type SharedTile, sharedTile } from './convolutionTile.plan.js'
import { planMatmul, softwareTile, splitsFor, sumSplits, type Tile } from './matmul.plan.js'

/** Tiles of backward-filter on a software adapter, as in matmul.plan.ts. */
const FILTER_SIZES: readonly (readonly [rows: number, columns: number, speed: number])[] = [
  [16, 2, 1],
  [8, 2, 0.82],
  [8, 4, 0.95],
  [4, 4, 0.67],
  [4, 2, 0.55],
  [1, 4, 0.35],
  [1, 1, 0.2],
]

/**
 * The sum over all output pixels is cut into splits of whole lines, because the output alone is a handful of
 * workgroups; their partial sums are added up in order.
 */
export function planConv2dBackwardFilter(
  launch: LaunchOf<'conv2dBackwardFilter'>,
  target: Target,
  force: ConvolutionForce = {},
): Dispatch[] {
  const { x, dy, out, images, outHeight, outWidth, groups, kernelHeight, kernelWidth } = launch
  if (isProduct(launch) && !force.direct) {
    const [m, k, n] = [launch.channels, images * outHeight * outWidth, launch.filters]
    return planMatmul({ ...productOf(launch), a: x, b: dy, transposeA: true, out, m, n, k }, target)
  }
  const depth = launch.channels / groups
  const columns = launch.filters / groups
  const rows = kernelHeight * kernelWidth * depth
  const { precision = 'float32' } = launch
  const length = images * outHeight * outWidth
  const product: ImplicitProduct = { rows, columns, length, repeats: groups, precision }
  const shared = sharedTile(product, target, force)
  const { splits, dispatch } = shared
    ? sharedPlan(shared, launch, product, target, force)
    : registerPlan(launch, product, target, force)
  const count = rows * launch.filters
  const parts: Binding = splits === 1 ? out : scratch(0, 4 * splits * count)
  const partial: Dispatch = {
    ...dispatch,
    parameters: { ...dispatch.parameters, VEC_OUT: Number(columns % 4 === 0) },
    bindings: [x, dy, parts],
    params: {
      ...dispatch.params,
      out_height: outHeight,
      out_width: outWidth,
      height: launch.height,
      width: launch.width,
      depth,
      columns,
      groups,
      stride_y: launch.strideY,
      stride_x: launch.strideX,
      padding_y: launch.top,
      padding_x: launch.left,
      dilation_y: launch.dilationY,
      dilation_x: launch.dilationX,
      kernel_width: kernelWidth,
      splits,
    },
    work: product.length * count,
  }
  return splits === 1 ? [partial] : [partial, sumSplits(parts, out, count, splits, target)]
}

/** What the kernels differ in. */
interface PartialSums {
  readonly splits: number
  readonly dispatch: Pick<Dispatch, 'kernel' | 'parameters' | 'params' | 'grid'>
}

/** Splits of whole output lines. */
function registerPlan(
  { images, outHeight, filters, kernelHeight, kernelWidth }: ConvolutionSizes,
  { rows, columns, length, repeats, precision }: ImplicitProduct,
  target: Target,
  force: ConvolutionForce,
): PartialSums {
  const taps = kernelHeight * kernelWidth
  const tile = force.tile ?? filterTile(taps, rows / taps, columns, target)
  const columnTiles = tiles(columns, 4 * tile.columns * tile.x)
  const blocks = rows / tile.rows
  const lines = images * outHeight
  const workgroups = tiles(blocks, tile.y) * columnTiles * repeats
  const wanted = force.splits ?? splitsFor(length, workgroups, 4 * rows * filters, target)
  const chunk = tiles(lines, Math.min(wanted, lines))
  const splits = tiles(lines, chunk)
  return {
    splits,
    dispatch: {
      kernel: 'conv2d_backward_filter',
      parameters: {
        D: tile.rows,
        C: tile.columns,
        X: tile.x,
        Y: tile.y,
        HALF: Number(precision === 'float16'),
      },
      params: { lines, rows: blocks, blocks: blocks / taps, chunk, column_tiles: columnTiles },
      grid: fold(tiles(splits * blocks, tile.y) * columnTiles * repeats, target.limits),
    },
  }
}

/** Splits of the pixels of a turn of the kernel, or several times as many. */
function sharedPlan(
  { suffix, parameters, turn, ...extent }: SharedTile,
  { channels, filters, groups }: ConvolutionSizes,
  { rows, columns, length, repeats }: ImplicitProduct,
  target: Target,
  force: ConvolutionForce,
): PartialSums {
  const [rowTiles, columnTiles] = [tiles(rows, extent.rows), tiles(columns, extent.columns)]
  const workgroups = rowTiles * columnTiles * repeats
  const wanted = force.splits ?? splitsFor(length, workgroups, 4 * rows * filters, target)
  const chunk = turn * tiles(tiles(length, wanted), turn)
  const splits = tiles(length, chunk)
  return {
    splits,
    dispatch: {
      kernel: `conv2d_backward_filter${suffix}`,
      parameters: { ...parameters, VEC_X: Number((channels / groups) % 4 === 0) },
      params: { pixels: length, rows, chunk, row_tiles: rowTiles, column_tiles: columnTiles },
      grid: fold(workgroups * splits, target.limits),
    },
  }
}

/** Rows of a tile are input channels of one tap, so they divide `depth`. */
function filterTile(taps: number, depth: number, columns: number, { software }: Target): Tile {
  const fits = FILTER_SIZES.filter(([rows]) => depth % rows === 0)
  // The rows of all splits stand in one line, so hardly any is padding.
  if (software) return softwareTile(64 * taps * depth, columns, { alongColumns: false, alongRows: false }, fits)
  const x = columns <= 4 ? 1 : columns < 16 ? 2 : 8
  return { rows: depth % 4 === 0 ? 4 : 1, columns: 1, x, y: 64 / x }
}
