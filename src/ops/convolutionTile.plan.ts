import { type Target, tiles } from '../device/webgpu/plan.js'
import type { Tile } from './matmul.plan.js'

/** An implicit product of `rows` by `columns` outputs, `repeats` times (groups), each a sum of `length` products. */
export interface ImplicitProduct {
  readonly rows: number
  readonly columns: number
  readonly length: number
  readonly repeats: number
}

/** Workgroups that keep a GPU busy. */
const BUSY = 512

/**
 * Whether a convolution goes through workgroup memory: not on a software adapter, where barriers are dear, and not where
 * less than half of a tile, or of a turn's 16 products, would be used.
 */
export function prefersWorkgroup({ rows, columns, length }: ImplicitProduct, { software }: Target): boolean {
  return !software && rows >= 32 && columns > 16 && length > 8
}

/**
 * The tile of a kernel with workgroup memory, as `Tile` counts it: 8 × y invocations of 8 rows × (4 or 8) columns. Wide
 * where no half of it is left over, tall where the grid keeps a GPU busy nevertheless.
 */
export function workgroupTile({ rows, columns, repeats }: ImplicitProduct): Tile {
  const wide = tiles(columns, 32) % 2 === 0 ? 2 : 1
  const workgroups = tiles(rows, 128) * tiles(columns, 32 * wide) * repeats
  return { rows: 8, columns: wide, x: 8, y: workgroups >= BUSY ? 16 : 8 }
}
