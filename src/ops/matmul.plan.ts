import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'

/** The shape of a register tile: rows × 4·columns outputs an invocation, x × y invocations a workgroup. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  readonly x: number
  readonly y: number
}

/** What a test or a benchmark may prescribe instead of the planner's own choice. */
export interface MatmulForce {
  readonly kernel?: 'register' | 'workgroup'
  readonly tile?: Tile
  readonly splits?: number
}

/** A tile and what it reaches when none of it is wasted, relative to the best: measured on lavapipe, 512³. */
interface Candidate extends Tile {
  readonly speed: number
}

/** Along columns (y = 1) eight lanes share their rows of A, along rows (x = 1) their columns of B. */
const TILES: readonly Candidate[] = [
  { rows: 8, columns: 1, x: 8, y: 1, speed: 1 },
  { rows: 8, columns: 1, x: 1, y: 8, speed: 0.9 },
  { rows: 4, columns: 2, x: 1, y: 8, speed: 0.9 },
  { rows: 4, columns: 1, x: 8, y: 1, speed: 0.85 },
  { rows: 4, columns: 1, x: 1, y: 8, speed: 0.8 },
  { rows: 1, columns: 1, x: 8, y: 1, speed: 0.3 },
  { rows: 1, columns: 1, x: 1, y: 8, speed: 0.4 },
]

/** Workgroups that keep a machine busy: a software adapter runs one a core, a GPU a few hundred. */
const BUSY = { software: 8, hardware: 512 } as const

/** A serial float32 sum longer than this loses accuracy, and lavapipe ends any loop after 65,535 turns. */
const MAX_CHUNK = 16_384
const MIN_CHUNK = 128

/** Bytes of partial sums that a split may cost. */
const MAX_PARTIALS = 32 * 2 ** 20

const WORKGROUP_TILE = 64

/**
 * Picks the kernel, the tile and the number of splits of K. Where the grid is too small to keep the machine busy, or K
 * is very long, K is cut into chunks whose partial sums a second dispatch adds up in order.
 */
export function planMatmul(launch: LaunchOf<'matmul'>, target: Target, force: MatmulForce = {}): Dispatch[] {
  const kernel = force.kernel ?? (prefersWorkgroup(launch, target) ? 'workgroup' : 'register')
  const tile = force.tile ?? (target.software ? softwareTile(launch.m, launch.n) : hardwareTile(launch.m, launch.n))
  const extent = kernel === 'workgroup' ? { rows: WORKGROUP_TILE, columns: WORKGROUP_TILE } : extentOf(tile)
  const rowTiles = tiles(launch.m, extent.rows)
  const columnTiles = tiles(launch.n, extent.columns)
  const count = launch.batch * launch.m * launch.n
  const wanted = force.splits ?? splitsFor(launch.k, rowTiles * columnTiles * launch.batch, 4 * count, target)
  const chunk = 16 * tiles(tiles(launch.k, wanted), 16)
  const splits = tiles(launch.k, chunk)
  const last = splits === 1
  const bias = launch.bias && last ? [launch.bias] : []
  const out: Binding = last ? launch.out : scratch(0, 4 * splits * count)
  const common = {
    bindings: [launch.a, launch.b, out, ...bias],
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
  const flags = {
    TRANSPOSE_A: Number(launch.transposeA),
    TRANSPOSE_B: Number(launch.transposeB),
    TAIL: Number(launch.k % 4 !== 0),
    BIAS: bias.length,
    VEC_A: Number(
      (launch.transposeA ? launch.m : launch.k) % 4 === 0 &&
        (kernel === 'workgroup' || tile.rows > 1 || !launch.transposeA),
    ),
    VEC_B: Number((launch.transposeB ? launch.k : launch.n) % 4 === 0),
    VEC_OUT: Number(launch.n % 4 === 0),
  }
  const product: Dispatch =
    kernel === 'workgroup'
      ? { kernel: 'matmulWorkgroup', parameters: flags, ...common }
      : { kernel: 'matmul', parameters: { ...flags, R: tile.rows, C: tile.columns, X: tile.x, Y: tile.y }, ...common }
  if (last) return [product]
  return [
    product,
    sumSplits(out, launch.out, count, splits, target, launch.bias && { slice: launch.bias, columns: launch.n }),
  ]
}

/** The dispatch that adds up the partial sums of a split, in order. */
export function sumSplits(
  parts: Binding,
  out: Binding,
  count: number,
  splits: number,
  { limits }: Target,
  bias?: { readonly slice: Binding; readonly columns: number },
): Dispatch {
  return {
    kernel: 'sumSplits',
    parameters: { BIAS: Number(bias !== undefined) },
    bindings: bias ? [parts, out, bias.slice] : [parts, out],
    params: { count, splits, columns: bias?.columns ?? 1 },
    grid: fold(tiles(count, 64), limits),
    work: count * splits,
  }
}

/** Rows and columns of the output that a workgroup covers. */
export function extentOf(tile: Tile): { rows: number; columns: number } {
  return { rows: tile.rows * tile.y, columns: 4 * tile.columns * tile.x }
}

/** The tile with the least padded work for its speed. */
export function softwareTile(m: number, n: number): Tile {
  const cost = (tile: Candidate) => {
    const { rows, columns } = extentOf(tile)
    return (tiles(m, rows) * rows * tiles(n, columns) * columns) / tile.speed
  }
  return TILES.reduce((best, tile) => (cost(tile) < cost(best) ? tile : best))
}

/** Barrier-free tiles for a GPU: neighbouring lanes read neighbouring columns, 64 invocations a workgroup. */
function hardwareTile(m: number, n: number): Tile {
  if (m < 16) return { rows: 1, columns: 1, x: n < 128 ? 8 : 32, y: n < 128 ? 8 : 2 }
  return n < 32 ? { rows: 4, columns: 1, x: 2, y: 32 } : { rows: 4, columns: 1, x: 8, y: 8 }
}

function prefersWorkgroup({ m, n, k }: LaunchOf<'matmul'>, { software }: Target): boolean {
  return !software && m >= WORKGROUP_TILE && n >= WORKGROUP_TILE && k >= 32
}

/**
 * How often to split a sum of `length` terms so that `workgroups` become enough and no chunk is too long, within the
 * room for partial sums of `bytes` each. Depends on the shape and the kind of adapter alone.
 */
export function splitsFor(length: number, workgroups: number, bytes: number, { software, limits }: Target): number {
  const busy = software ? BUSY.software : BUSY.hardware
  const forGrid = Math.min(tiles(busy, workgroups), Math.floor(length / MIN_CHUNK))
  const room = Math.floor(Math.min(MAX_PARTIALS, limits.maxBindingBytes) / bytes)
  return Math.max(1, Math.min(Math.max(forGrid, tiles(length, MAX_CHUNK)), room))
}
