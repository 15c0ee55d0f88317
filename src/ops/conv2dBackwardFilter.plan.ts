import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { type ConvolutionForce, isProduct, PRODUCT } from './conv2d.plan.js'
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
    return planMatmul({ ...PRODUCT, a: x, b: dy, transposeA: true, out, m, n, k }, target)
  }
  const depth = launch.channels / groups
  const columns = launch.filters / groups
  const tile = force.tile ?? filterTile(kernelHeight * kernelWidth, depth, columns, target)
  const block = tile.rows
  const rows = (kernelHeight * kernelWidth * depth) / block
  const columnTiles = tiles(columns, 4 * tile.columns * tile.x)
  const lines = images * outHeight
  const count = kernelHeight * kernelWidth * depth * launch.filters
  const wanted =
    force.splits ?? splitsFor(lines * outWidth, tiles(rows, tile.y) * columnTiles * groups, 4 * count, target)
  const chunk = tiles(lines, Math.min(wanted, lines))
  const splits = tiles(lines, chunk)
  const parts: Binding = splits === 1 ? out : scratch(0, 4 * splits * count)
  const product: Dispatch = {
    kernel: 'conv2d_backward_filter',
    parameters: {
      D: block,
      C: tile.columns,
      X: tile.x,
      Y: tile.y,
      VEC_Y: Number(columns % 4 === 0),
      VEC_OUT: Number(columns % 4 === 0),
    },
    bindings: [x, dy, parts],
    params: {
      lines,
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
      rows,
      blocks: depth / block,
      chunk,
      splits,
      column_tiles: columnTiles,
    },
    grid: fold(tiles(splits * rows, tile.y) * columnTiles * groups, target.limits),
    work: lines * outWidth * count,
  }
  return splits === 1 ? [product] : [product, sumSplits(parts, out, count, splits, target)]
}

/** Rows of a tile are input channels of one tap, so they divide `depth`. */
function filterTile(taps: number, depth: number, columns: number, { software }: Target): Tile {
  const fits = FILTER_SIZES.filter(([rows]) => depth % rows === 0)
  // The rows of all splits stand in one line, so hardly any is padding.
  if (software) return softwareTile(64 * taps * depth, columns, { alongColumns: false, alongRows: false }, fits)
  const rows = depth % 4 === 0 ? 4 : 1
  return columns < 16 ? { rows, columns: 1, x: 2, y: 32 } : { rows, columns: 1, x: 8, y: 8 }
}
