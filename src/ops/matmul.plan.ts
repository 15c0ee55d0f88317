import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import type { SubgroupMatrix } from '../device/webgpu/subgroupMatrix.js'
import {
  chunksOf,
  type Epilogue,
  epilogueOf,
  MIN_CHUNK,
  NO_EPILOGUE,
  type Product,
  splitsFor,
  sumSplits,
} from './matmulParts.plan.js'
import { planSkinny } from './matmulSkinny.plan.js'
import {
  extentOf,
  hardwareTile,
  type MatrixTile,
  matrixTile,
  softwareTile,
  type Tile,
  workgroupTile,
} from './matmulTile.plan.js'

export { splitsFor, sumSplits } from './matmulParts.plan.js'
export { extentOf, softwareTile, type Tile } from './matmulTile.plan.js'

/** What a test or a benchmark may prescribe instead of the planner's own choice. */
export interface MatmulForce {
  readonly kernel?: Kernel
  /** Of the kernels `register` and `workgroup`; of the latter 4 or 8 rows, 1 or 2 columns, 8 × 8 invocations. */
  readonly tile?: Tile
  /** Of the kernel `subgroupMatrix`. */
  readonly matrixTile?: MatrixTile
  readonly splits?: number
}

type Kernel = 'register' | 'workgroup' | 'skinny' | 'subgroupMatrix'

/** A kernel with what it needs to be told, and the outputs that one of its workgroups covers. */
type Choice =
  | { readonly kernel: 'register'; readonly tile: Tile }
  | { readonly kernel: 'workgroup'; readonly tile: Tile }
  | { readonly kernel: 'skinny' }
  | { readonly kernel: 'subgroupMatrix'; readonly tile: MatrixTile; readonly unit: SubgroupMatrix }

/** Up to so many rows or columns a product is a matrix times some vectors. */
export const SKINNY = 8

/**
 * Picks the kernel, the tile and the number of splits of K. Where the grid is too small to keep the machine busy, or K
 * is very long, K is cut into chunks whose partial sums, scratch number 0, a second dispatch adds up in order.
 */
export function planMatmul(launch: Product, target: Target, force: MatmulForce = {}): Dispatch[] {
  const choice = chooseKernel(launch, target, force)
  if (choice.kernel === 'skinny') return planSkinny(launch, target, force.splits)
  const extent = extentOfChoice(choice)
  const rowTiles = tiles(launch.m, extent.rows)
  const columnTiles = tiles(launch.n, extent.columns)
  const count = launch.batch * launch.m * launch.n
  const wanted = force.splits ?? splitsFor(launch.k, rowTiles * columnTiles * launch.batch, 4 * count, target)
  const { splits, chunk } = chunksOf(launch.k, wanted)
  const ends = splits === 1 ? epilogueOf(launch) : NO_EPILOGUE
  const out: Binding = splits === 1 ? launch.out : scratch(0, 4 * splits * count)
  const product: Dispatch = {
    ...kernelOf(choice, launch, ends.parameters),
    bindings: [launch.a, launch.b, out, ...ends.bindings],
    params: {
      m: launch.m,
      n: launch.n,
      k: launch.k,
      a_batch: launch.sharedA ? 0 : launch.m * launch.k,
      b_batch: launch.sharedB ? 0 : launch.k * launch.n,
      batch: launch.batch,
      splits,
      chunk,
      row_tiles: rowTiles,
      column_tiles: columnTiles,
    },
    grid: fold(rowTiles * columnTiles * splits * launch.batch, target.limits),
    work: count * launch.k,
  }
  return splits === 1 ? [product] : [product, sumSplits(out, launch.out, count, splits, target, launch)]
}

/**
 * Registers alone on a software adapter. On a GPU: a few rows or columns as vectors; float16 on matrix units where there
 * are any; through workgroup memory from a tile of 32 × 32 on; what is left in registers.
 */
function chooseKernel(launch: Product, target: Target, force: MatmulForce): Choice {
  const { m, n, k, batch } = launch
  const fills = !target.software && m >= 32 && n >= 32 && k >= 32
  const unit = target.subgroupMatrix
  const wantsUnit = force.kernel === 'subgroupMatrix' || (!force.kernel && fills && launch.precision === 'float16')
  if (unit && wantsUnit) {
    const tile = force.matrixTile ?? matrixTile(m, n, batch, unit, target)
    if (tile) return { kernel: 'subgroupMatrix', tile, unit }
  }
  const skinny = !target.software && Math.min(m, n) <= SKINNY && k >= 64
  const kernel = force.kernel ?? (skinny ? 'skinny' : fills ? 'workgroup' : 'register')
  if (kernel === 'skinny') return { kernel }
  if (kernel === 'workgroup') {
    return { kernel, tile: force.tile ?? workgroupTile(m, n, batch, Math.max(1, Math.floor(k / MIN_CHUNK))) }
  }
  const scattered = { alongColumns: launch.transposeB, alongRows: !launch.transposeA }
  const tile = target.software ? softwareTile(m, n, scattered) : hardwareTile(m, n)
  return { kernel: 'register', tile: force.tile ?? tile }
}

function extentOfChoice(choice: Exclude<Choice, { kernel: 'skinny' }>): { rows: number; columns: number } {
  if (choice.kernel !== 'subgroupMatrix') return extentOf(choice.tile)
  const { tile, unit } = choice
  return { rows: 2 * tile.rows * unit.m, columns: 2 * tile.columns * unit.n }
}

/** The kernel file and its textual parameters. */
function kernelOf(
  choice: Exclude<Choice, { kernel: 'skinny' }>,
  launch: Product,
  epilogue: Epilogue['parameters'],
): Pick<Dispatch, 'kernel' | 'parameters'> {
  const { transposeA, transposeB, m, n, k } = launch
  // A register tile reads what lies along k one by one.
  const alongK = choice.kernel !== 'register'
  const common = {
    TRANSPOSE_A: Number(transposeA),
    TRANSPOSE_B: Number(transposeB),
    VEC_A: Number(transposeA ? m % 4 === 0 && (alongK || choice.tile.rows > 1) : k % 4 === 0 && alongK),
    VEC_B: Number(transposeB ? k % 4 === 0 && alongK : n % 4 === 0),
    VEC_OUT: Number(n % 4 === 0),
    HALF: Number(launch.precision === 'float16'),
    ...epilogue,
  }
  if (choice.kernel === 'register') {
    const { rows, columns, x, y } = choice.tile
    return { kernel: 'matmul', parameters: { ...common, R: rows, C: columns, X: x, Y: y } }
  }
  if (choice.kernel === 'workgroup') {
    return { kernel: 'matmul_workgroup', parameters: { ...common, R: choice.tile.rows / 4, C: choice.tile.columns } }
  }
  const { tile, unit } = choice
  const sizes = { M: unit.m, N: unit.n, K: unit.k, LANES: unit.lanes, R: tile.rows, C: tile.columns, S: tile.turn }
  return { kernel: 'matmul_subgroup_matrix', parameters: { ...common, ...sizes, HALF: 0 } }
}
