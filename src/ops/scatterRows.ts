import type { Slice } from '../device/device.js'
import { GradientError, ShapeError } from '../device/errors.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { sameShape, show } from '../tensor/shape.js'
import { isTracked } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { bankOf } from './bank.js'

declare module '../device/launch.js' {
  interface Launches {
    /** page[indices[k] − first] = rows[k] where the page has that row, for the last k with this index. */
    scatterRows: {
      page: Slice
      rows: Slice
      indices: Slice
      count: number
      columns: number
      first: number
      pageRows: number
    }
  }
}

implement('scatterRows', planScatterRows)

export function planScatterRows(launch: LaunchOf<'scatterRows'>, { limits }: Target): Dispatch[] {
  const { page, rows, indices, count, columns, first, pageRows } = launch
  const places = scratch(0, 4 * count)
  return [
    {
      kernel: 'scatter_rows_places',
      bindings: [indices, places],
      params: { count, first, page_rows: pageRows },
      grid: fold(tiles(count, 64), limits),
      work: (count * count) / 2,
    },
    {
      kernel: 'scatter_rows',
      bindings: [rows, places, page],
      params: { count, columns, page_rows: pageRows },
      grid: fold(tiles(count * columns, 64), limits),
      work: count * columns,
    },
  ]
}

/**
 * Overwrites rows of a bank in place, numbered across all of its pages: the row `indices[k]` becomes `rows[k]`. Of
 * repeated indices the last one wins; an index outside writes nothing. One launch a page, no gradient: what `rows` came
 * from is forgotten.
 *
 *   scatterRows(queue, keys, places)  // MoCo: places = (pointer + i) mod K, written by the host before each step
 *
 * @param pages float32 [k, D] each
 * @param rows float32 [N, D]; every row is compared with all behind it, so take some thousand at a time
 * @param indices int32 [N]
 * @throws ShapeError, DtypeError, GradientError for a bank that is on the tape
 */
export function scatterRows(pages: readonly Tensor[], rows: Tensor, indices: Tensor): void {
  const { columns, each } = bankOf('scatterRows', pages)
  wantDtype('scatterRows', 'float32', rows)
  wantDtype('scatterRows', 'int32', indices)
  const [count] = rows.shape
  if (count === undefined || !sameShape(rows.shape, [count, columns]) || !sameShape(indices.shape, [count])) {
    const got = `${show(rows.shape)} and ${show(indices.shape)}`
    throw new ShapeError(
      `scatterRows: a bank of width ${columns} wants rows [N,${columns}] and indices [N], got ${got}`,
    )
  }
  if (pages.some(isTracked)) {
    throw new GradientError('scatterRows: overwrites its bank, which has no gradient; use scatterAdd for one that has')
  }
  for (const { page, first, rows: pageRows } of each) {
    page.device.launch({
      op: 'scatterRows',
      page: page.slice,
      rows: rows.slice,
      indices: indices.slice,
      count,
      columns,
      first,
      pageRows,
    })
  }
}
