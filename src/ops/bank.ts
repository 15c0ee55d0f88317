import { ShapeError } from '../device/errors.js'
import { show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'

/**
 * Rows that may be more than one binding holds: pages [k, D], with one numbering across all of them. `each` page begins
 * at row `first`.
 */
export interface Bank {
  readonly rows: number
  readonly columns: number
  readonly each: readonly { readonly page: Tensor; readonly first: number; readonly rows: number }[]
}

/** @throws ShapeError for no page or pages of different widths, DtypeError unless they are float32 */
export function bankOf(op: string, pages: readonly Tensor[]): Bank {
  wantDtype(op, 'float32', ...pages)
  const columns = pages[0]?.shape[1]
  if (columns === undefined || pages.some(({ rank, shape }) => rank !== 2 || shape[1] !== columns)) {
    const shapes = pages.map(({ shape }) => show(shape)).join(' ')
    throw new ShapeError(`${op}: wants a bank of pages [k,D] of one width D, got ${shapes || 'no page'}`)
  }
  let rows = 0
  const each = pages.map(page => {
    const first = rows
    rows += page.shape[0]!
    return { page, first, rows: page.shape[0]! }
  })
  return { rows, columns, each }
}
