import { type Target, tiles } from '../device/webgpu/plan.js'
import type { SubgroupMatrix } from '../device/webgpu/subgroupMatrix.js'

/** The shape of a register tile: rows × 4·columns outputs an invocation, x × y invocations a workgroup. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  readonly x: number
  readonly y: number
}

/** Rows and columns of the output that a workgroup covers. */
export function extentOf(tile: Tile): { rows: number; columns: number } {
  return { rows: tile.rows * tile.y, columns: 4 * tile.columns * tile.x }
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
export function hardwareTile(m: number, n: number): Tile {
  if (m < 16) return { rows: 1, columns: 1, x: n < 128 ? 8 : 32, y: n < 128 ? 8 : 2 }
  return n < 32 ? { rows: 4, columns: 1, x: 2, y: 32 } : { rows: 4, columns: 1, x: 8, y: 8 }
}

/** Workgroups with which every multiprocessor of a large GPU has something to do. */
const EVERYWHERE = 128

/**
 * The tile of the kernel with workgroup memory: 8 × 8 invocations of 8 × 8 outputs, or of 4 along an axis where half of
 * the larger tile would be left over, or along both where the grid of `batch` such products, each in at most `splits`
 * parts, would be too small.
 */
export function workgroupTile(m: number, n: number, batch: number, splits: number): Tile {
  const few = tiles(m, 64) * tiles(n, 64) * batch * splits < EVERYWHERE
  const small = (size: number) => few || (size <= 224 && tiles(size, 32) % 2 === 1)
  return { rows: small(m) ? 4 : 8, columns: small(n) ? 1 : 2, x: 8, y: 8 }
}

/** Each of the four subgroups of a workgroup has rows × columns matrices of sums, and multiplies `turn` of them along k. */
export interface MatrixTile {
  readonly rows: number
  readonly columns: number
  readonly turn: number
}

/** Outputs of a subgroup, along rows and columns, from the tile that needs the fewest loads on. */
const EXTENTS = [
  [64, 64],
  [64, 32],
  [32, 64],
  [32, 32],
] as const

/**
 * The tile of the kernels with subgroup matrices: 128 × 128 outputs a workgroup, or half of that along one axis or both
 * where outputs are fewer, or where such tiles would not be enough for a GPU; nothing where the device's matrices do not
 * divide it, or where it lacks the room.
 */
export function matrixTile(
  m: number,
  n: number,
  batch: number,
  unit: SubgroupMatrix,
  target: Target,
): MatrixTile | undefined {
  for (const [rows, columns] of EXTENTS) {
    const least = rows + columns === 64
    const filled = m >= 2 * rows && n >= 2 * columns
    const busy = tiles(m, 2 * rows) * tiles(n, 2 * columns) * batch >= EVERYWHERE
    const tile = least || (filled && busy) ? matrixTileOf(rows, columns, unit, target) : undefined
    if (tile) return tile
  }
  return undefined
}

/** The tile with `rows` × `columns` outputs a subgroup. */
function matrixTileOf(
  rows: number,
  columns: number,
  { m, n, k, lanes }: SubgroupMatrix,
  { limits }: Target,
): MatrixTile | undefined {
  if (rows % m !== 0 || columns % n !== 0 || n % 4 !== 0 || k % 4 !== 0) return undefined
  // As many values of k a turn as leave room for the sums in 16 KB.
  const turn = Math.max(1, Math.floor(2048 / (rows + columns) / k))
  const bytes = 4 * turn * k * (rows + columns) + 16 * m * n
  if (4 * lanes > limits.maxWorkgroupInvocations || bytes > limits.maxWorkgroupBytes) return undefined
  return { rows: rows / m, columns: columns / n, turn }
}
