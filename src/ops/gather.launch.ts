import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[o, k, i] = x[o, indices[k], i], 0 for an index outside; x [outer, length, inner], out [outer, picked, inner]. */
    gather: { x: Slice; indices: Slice; out: Slice; outer: number; length: number; inner: number; picked: number }
    /**
     * out[r, i] = Σ updates[k, i] over the k with indices[k] = r, in order; updates [count, inner], out [rows, inner].
     * With `factors` [count] an update stands for the next `each` indices, times a factor each: updates [count / each,
     * inner].
     */
    scatterAdd: {
      updates: Slice
      factors?: Slice
      indices: Slice
      out: Slice
      count: number
      each?: number
      rows: number
      inner: number
    }
    /** out[k, c] = 1 where indices[k] = c, else 0. */
    oneHot: { indices: Slice; out: Slice; count: number; classes: number }
    /** inverse[permutation[i]] = i. */
    invertPermutation: { permutation: Slice; inverse: Slice; count: number }
  }
}

implement('gather', ({ x, indices, out, outer, length, inner, picked }, { limits }) => [
  {
    kernel: 'gather',
    bindings: [x, indices, out],
    params: { outer, length, inner, picked },
    grid: fold(tiles(outer * picked * inner, 256), limits),
    work: outer * picked * inner,
  },
])

implement('scatterAdd', planScatterAdd)

implement('oneHot', ({ indices, out, count, classes }, { limits }) => [
  {
    kernel: 'one_hot',
    bindings: [indices, out],
    params: { count, classes },
    grid: fold(tiles(count * classes, 256), limits),
    work: count * classes,
  },
])

implement('invertPermutation', ({ permutation, inverse, count }, { limits }) => [
  {
    kernel: 'invert_permutation',
    bindings: [permutation, inverse],
    params: { count },
    grid: fold(tiles(count, 256), limits),
    work: count,
  },
])

// Four bits a pass: 16 counters fit in an invocation's registers.
const DIGIT_BITS = 4

/**
 * Sorts the positions by row (a stable radix sort, as many passes as `rows` has digits of four bits), finds where each
 * row's segment begins, and lets every row walk its own: repeated indices add up in their order, without atomics.
 */
export function planScatterAdd(launch: LaunchOf<'scatterAdd'>, { limits }: Target): Dispatch[] {
  const { updates, factors, indices, out, count, each = 1, rows, inner } = launch
  // About √count blocks of √count elements: the walk within a block is then as short as the scan over the blocks.
  const block = Math.max(16, Math.ceil(Math.sqrt(count)))
  const blocks = tiles(count, block)
  const counts = scratch(0, 4 * 16 * blocks)
  const starts = scratch(1, 4 * 16 * (blocks + 1))
  const orders = [scratch(2, 4 * count), scratch(3, 4 * count)] as const
  const segments = scratch(4, 4 * (rows + 1))
  const dispatches: Dispatch[] = []
  let order: Binding | undefined
  // The largest key is `rows` itself, that of indices outside.
  for (let pass = 0; rows >= 2 ** (DIGIT_BITS * pass); pass++) {
    const sorted: Binding = orders[pass % 2]!
    const before = order ? [order] : []
    const parameters = { FIRST: order ? 0 : 1 }
    const params = { count, rows, block, blocks, shift: DIGIT_BITS * pass }
    const grid = fold(tiles(blocks, 64), limits)
    dispatches.push(
      { kernel: 'sort_count', parameters, bindings: [indices, counts, ...before], params, grid, work: count },
      { kernel: 'sort_scan', bindings: [counts, starts], params: { blocks }, grid: [1, 1, 1], work: 16 * blocks },
      { kernel: 'sort_move', parameters, bindings: [indices, starts, sorted, ...before], params, grid, work: count },
    )
    order = sorted
  }
  return [
    ...dispatches,
    {
      kernel: 'segment_starts',
      bindings: [indices, order!, segments],
      params: { count, rows },
      grid: fold(tiles(rows + 1, 64), limits),
      work: rows * Math.ceil(Math.log2(count + 1)),
    },
    {
      kernel: 'segment_sum',
      parameters: { FACTORS: Number(factors !== undefined) },
      bindings: [updates, order!, segments, out, ...(factors ? [factors] : [])],
      params: { rows, inner, each },
      grid: fold(tiles(rows * inner, 64), limits),
      work: (count + rows) * inner,
    },
  ]
}
