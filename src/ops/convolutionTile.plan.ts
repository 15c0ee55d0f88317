import type { Precision } from '../device/launch.js'
import { type Target, tiles } from '../device/webgpu/plan.js'
import { extentOf, type MatrixTile, matrixTile, type Tile } from './matmulTile.plan.js'

/** An implicit product of `rows` by `columns` outputs, `repeats` times (groups), each a sum of `length` products. */
export interface ImplicitProduct {
  readonly rows: number
  readonly columns: number
  readonly length: number
  readonly repeats: number
  readonly precision: Precision
}

/** What a test or a benchmark may prescribe instead of the planner's own choice. */
export interface ConvolutionForce {
  /** `direct`: no detour over matmul where the kernel is 1×1. */
  readonly direct?: boolean
  /** Whether tiles lie in registers alone, are shared through workgroup memory, or feed matrix units from there. */
  readonly kernel?: 'register' | 'workgroup' | 'subgroupMatrix'
  /**
   * Rows are pixels in forward and backward-data, input channels in backward-filter (1 or a multiple of 4). In workgroup
   * memory: 8 rows, 1 or 2 columns, x = 8, y = 8 or 16.
   */
  readonly tile?: Tile
  /** Of the kernel `subgroupMatrix`. */
  readonly matrixTile?: MatrixTile
  /** Backward-filter only. */
  readonly splits?: number
}

/** A kernel whose workgroups share tiles: what its name ends in, its textual parameters and how much it covers. */
export interface SharedTile {
  readonly suffix: '_workgroup' | '_subgroup_matrix'
  readonly parameters: Readonly<Record<string, number>>
  /** Outputs of a workgroup. */
  readonly rows: number
  readonly columns: number
  /** Products of an output a turn. */
  readonly turn: number
}

/** Workgroups that keep a GPU busy. */
const BUSY = 512

/**
 * The shared tile that a convolution goes through: that of matrix units where there are any and products are of float16,
 * else one in workgroup memory. None on a software adapter, where barriers are dear, and none where less than half of a
 * tile, or of a turn's products, would be used.
 */
export function sharedTile(product: ImplicitProduct, target: Target, force: ConvolutionForce): SharedTile | undefined {
  const { rows, columns, length, precision } = product
  const fills = !target.software && rows >= 32 && columns >= 32 && length >= 32
  if (force.kernel === 'subgroupMatrix' || (!force.kernel && fills && precision === 'float16')) {
    const tile = unitsTile(product, target, force.matrixTile)
    if (tile) return tile
  }
  const shares = !target.software && rows >= 32 && columns > 16 && length > 8
  if (force.kernel ? force.kernel === 'register' : !shares) return undefined
  const tile = force.tile ?? workgroupTile(product)
  const parameters = { R: tile.rows, C: tile.columns, Y: tile.y, HALF: Number(precision === 'float16') }
  return { suffix: '_workgroup', parameters, ...extentOf(tile), turn: 16 }
}

/** That of the matrix units, unless the vectors of a turn are not dealt out evenly to its invocations. */
function unitsTile(
  { rows, columns, repeats }: ImplicitProduct,
  target: Target,
  forced: MatrixTile | undefined,
): SharedTile | undefined {
  const unit = target.subgroupMatrix
  const tile = forced ?? (unit && matrixTile(rows, columns, repeats, unit, target))
  if (!unit || !tile) return undefined
  const { m, n, k, lanes } = unit
  const extent = tile.rows * m
  const turn = tile.turn * k
  if ((extent * turn) % (8 * lanes) !== 0 || (8 * lanes) % extent !== 0) return undefined
  const parameters = { M: m, N: n, K: k, LANES: lanes, R: tile.rows, C: tile.columns, S: tile.turn, HALF: 0 }
  return { suffix: '_subgroup_matrix', parameters, rows: 2 * extent, columns: 2 * tile.columns * n, turn }
}

/**
 * The tile of a kernel with workgroup memory, as `Tile` counts it: 8 × y invocations of 8 rows × (4 or 8) columns. Wide
 * where no half of it is left over, tall where the grid keeps a GPU busy nevertheless.
 */
function workgroupTile({ rows, columns, repeats }: ImplicitProduct): Tile {
  const wide = tiles(columns, 32) % 2 === 0 ? 2 : 1
  const workgroups = tiles(rows, 128) * tiles(columns, 32 * wide) * repeats
  return { rows: 8, columns: wide, x: 8, y: workgroups >= BUSY ? 16 : 8 }
}
