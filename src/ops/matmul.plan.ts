import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'

/** The shape of a register tile: rows × 4·columns outputs an invocation, x × y invocations a workgroup. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  readonly x: number
  readonly y: number
}

/** A product whose operands may be scratch of a larger plan. */
export type Product = Omit<LaunchOf<'matmul'>, 'op' | 'a' | 'b' | 'out'> & {
  readonly a: Binding
  readonly b: Binding
  readonly out: Binding
}

/** What a test or a benchmark may prescribe instead of the planner's own choice. */
export interface MatmulForce {
  readonly kernel?: 'register' | 'workgroup'
  readonly tile?: Tile
  readonly splits?: number
}

/**
 * Tile sizes for a software adapter and what they reach when none of it is wasted, relative to the best (lavapipe,
 * 512³): more outputs an invocation spare loads, until the accumulators no longer fit the first cache.
 */
const SIZES: readonly (readonly [rows: number, columns: number, speed: number])[] = [
  [16, 2, 1],
  [8, 2, 0.82],
  [16, 1, 0.63],
  [8, 1, 0.57],
  [4, 2, 0.55],
  [4, 1, 0.45],
  [1, 2, 0.28],
  [1, 1, 0.2],
]

/** What scattered loads leave of the speed. */
const SCATTERED = 0.6

/** Workgroups that keep a machine busy: a software adapter runs one a core, a GPU a few hundred. */
const BUSY = { software: 8, hardware: 512 } as const

/** A serial float32 sum longer than this loses accuracy, so it is split where there is room for the partial sums. */
const MAX_CHUNK = 16_384
const MIN_CHUNK = 128

/** Bytes of partial sums that a split may cost. */
const MAX_PARTIALS = 32 * 2 ** 20

const WORKGROUP_TILE = 64

/**
 * Picks the kernel, the tile and the number of splits of K. Where the grid is too small to keep the machine busy, or K
 * is very long, K is cut into chunks whose partial sums, scratch number 0, a second dispatch adds up in order.
 */
export function planMatmul(launch: Product, target: Target, force: MatmulForce = {}): Dispatch[] {
  const kernel = force.kernel ?? (prefersWorkgroup(launch, target) ? 'workgroup' : 'register')
  const scattered = { alongColumns: launch.transposeB, alongRows: !launch.transposeA }
  const tile =
    force.tile ?? (target.software ? softwareTile(launch.m, launch.n, scattered) : hardwareTile(launch.m, launch.n))
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
  const shared = kernel === 'workgroup'
  const flags = {
    TRANSPOSE_A: Number(launch.transposeA),
    TRANSPOSE_B: Number(launch.transposeB),
    BIAS: bias.length,
    HALF: Number(launch.precision === 'float16'),
    VEC_A: Number(
      (launch.transposeA ? launch.m : launch.k) % 4 === 0 && (shared || (launch.transposeA && tile.rows > 1)),
    ),
    VEC_B: Number((launch.transposeB ? launch.k : launch.n) % 4 === 0 && (shared || !launch.transposeB)),
    VEC_OUT: Number(launch.n % 4 === 0),
  }
  const product: Dispatch =
    kernel === 'workgroup'
      ? { kernel: 'matmul_workgroup', parameters: flags, ...common }
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
    kernel: 'sum_splits',
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

/** How eight lanes may lie: x along columns, y along rows. */
const LANES = [
  [8, 1],
  [4, 2],
  [2, 4],
  [1, 8],
] as const

/**
 * The tile with the least padded work for its speed, out of `sizes`. Lanes along columns read B a column apart, lanes
 * along rows read A a row apart; `scattered` says where that is far apart in memory, and slower.
 */
export function softwareTile(
  m: number,
  n: number,
  scattered: { readonly alongColumns: boolean; readonly alongRows: boolean },
  sizes = SIZES,
): Tile {
  let best: Tile | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [x, y] of LANES) {
    const slower = (x > 1 && scattered.alongColumns) || (y > 1 && scattered.alongRows)
    for (const [rows, columns, speed] of sizes) {
      const tile = { rows, columns, x, y }
      const extent = extentOf(tile)
      const padded = tiles(m, extent.rows) * extent.rows * tiles(n, extent.columns) * extent.columns
      const cost = padded / (slower ? SCATTERED * speed : speed)
      if (cost < least) [best, least] = [tile, cost]
    }
  }
  return best!
}

/** Barrier-free tiles for a GPU: neighbouring lanes read neighbouring columns, 64 invocations a workgroup. */
function hardwareTile(m: number, n: number): Tile {
  if (m < 16) return { rows: 1, columns: 1, x: n < 128 ? 8 : 32, y: n < 128 ? 8 : 2 }
  return n < 32 ? { rows: 4, columns: 1, x: 2, y: 32 } : { rows: 4, columns: 1, x: 8, y: 8 }
}

function prefersWorkgroup({ m, n, k }: Product, { software }: Target): boolean {
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
