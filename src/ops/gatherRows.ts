import { ShapeError } from '../device/errors.js'
import { zeros } from '../tensor/create.js'
import { show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import './augment.plan.js'
import { bankOf } from './bank.js'

/**
 * Rows of a bank by their numbers across all of its pages; zeros for an index outside. One launch a page, no gradient
 * (`gather` of a single tensor has one).
 *
 * @param pages float32 [k, D] each
 * @param indices int32 [N]
 * @returns float32 [N, D]
 * @throws ShapeError, DtypeError
 */
export function gatherRows(pages: readonly Tensor[], indices: Tensor): Tensor {
  const { columns, each } = bankOf('gatherRows', pages)
  wantDtype('gatherRows', 'int32', indices)
  if (indices.rank !== 1) throw new ShapeError(`gatherRows: wants indices [N], got ${show(indices.shape)}`)
  const batch = indices.size
  const out = zeros([batch, columns], { device: indices.device })
  for (const { page, first, rows } of each) {
    // To this launch an image is so many bytes, and so is a row.
    out.device.launch({
      op: 'gatherImages',
      page: page.slice,
      indices: indices.slice,
      out: out.slice,
      batch,
      imageBytes: 4 * columns,
      first,
      images: rows,
    })
  }
  return out
}
