import { DtypeError, ShapeError } from '../device/errors.js'
import { tensor } from '../tensor/create.js'
import { normaliseAxes, sameShape, show, sizeOf } from '../tensor/shape.js'
import { differentiable, noGrad } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { add } from './elementwise.js'
import './gather.launch.js'
import { reshape, transpose } from './shape.js'

/**
 * The slices of `x` that `indices` names along `axis`: x [outer, length, inner] and indices int32 of any shape give
 * [outer, …indices.shape, inner]. An index outside 0 … length − 1 gives zeros, because the device cannot throw in the
 * middle of a queue. The gradient of an index that occurs twice adds up.
 *
 * @throws ShapeError, DtypeError for uint8 or indices that are not int32
 */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  wantDtype('gather', 'int32', indices)
  if (x.dtype === 'uint8')
    throw new DtypeError(`gather: wants float32, int32 or uint32, got uint8 ${show(x.shape)}; use cast`)
  const at = normaliseAxes('gather', x.rank, axis)[0]
  if (at === undefined) throw new ShapeError('gather: wants x of at least one axis, got a scalar')
  const length = x.shape[at]!
  const outer = sizeOf(x.shape.slice(0, at))
  const inner = sizeOf(x.shape.slice(at + 1))
  const picked = indices.size
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]
  const out = empty(shape, x.dtype, x.device)
  x.device.launch({ op: 'gather', x: x.slice, indices: indices.slice, out: out.slice, outer, length, inner, picked })
  return differentiable(out, [x, indices], g => {
    const rows = transpose(reshape(g, [outer, picked, inner]), [1, 0, 2])
    const sums = scatterAdd(rows, reshape(indices, [picked]), length)
    return [reshape(transpose(sums, [1, 0, 2]), x.shape), null]
  })
}

/**
 * [rows, …] with updates[k] added to row indices[k]; repeated indices add up in the order in which they stand, so the
 * result is the same bits every time. An index outside 0 … rows − 1 adds nothing.
 *
 * @param updates float32 [n, …]
 * @param indices int32 [n]
 * @throws ShapeError, DtypeError
 */
export function scatterAdd(updates: Tensor, indices: Tensor, rows: number): Tensor {
  wantDtype('scatterAdd', 'float32', updates)
  wantDtype('scatterAdd', 'int32', indices)
  const [count] = updates.shape
  if (count === undefined || !sameShape(indices.shape, [count])) {
    throw new ShapeError(`scatterAdd: updates ${show(updates.shape)} want as many indices, got ${show(indices.shape)}`)
  }
  const out = empty([rows, ...updates.shape.slice(1)], 'float32', updates.device)
  updates.device.launch({
    op: 'scatterAdd',
    updates: updates.slice,
    indices: indices.slice,
    out: out.slice,
    count,
    rows,
    inner: updates.size / count,
  })
  return differentiable(out, [updates, indices], g => [gather(g, indices), null])
}

/**
 * Of each image the tokens that its own indices name: x [N, T, …] and indices [N, k] give [N, k, …]. The gradient of a
 * token that is named twice adds up. (Vision transformers see some patches of an image only, and put them back.)
 *
 * @param indices int32 [N, k], each from 0 to T − 1; the device does not check them
 * @throws ShapeError, DtypeError
 */
export function gatherTokens(x: Tensor, indices: Tensor): Tensor {
  wantDtype('gatherTokens', 'int32', indices)
  const [batch, length, ...rest] = x.shape
  if (batch === undefined || length === undefined || indices.rank !== 2 || indices.shape[0] !== batch) {
    throw new ShapeError(
      `gatherTokens: wants x [N,T,...] and indices [N,k], got ${show(x.shape)} and ${show(indices.shape)}`,
    )
  }
  const firsts = tensor(
    Int32Array.from({ length: batch }, (_, n) => n * length),
    { shape: [batch, 1], device: x.device },
  )
  return gather(reshape(x, [batch * length, ...rest]), add(indices, firsts))
}

/**
 * The rows of `x` [n, …] in another order: row i of the result is row permutation[i]. Its gradient puts them back,
 * without the sort that `gather` needs, and is only right when `permutation` names every row once.
 *
 * @param permutation int32 [n], each of 0 … n − 1 once
 * @throws ShapeError, DtypeError
 */
export function permute(x: Tensor, permutation: Tensor): Tensor {
  wantDtype('permute', 'int32', permutation)
  const [count] = x.shape
  if (count === undefined || !sameShape(permutation.shape, [count])) {
    throw new ShapeError(`permute: x ${show(x.shape)} wants as many places as rows, got ${show(permutation.shape)}`)
  }
  const out = noGrad(() => gather(x, permutation))
  return differentiable(out, [x, permutation], g => [permute(g, inverseOf(permutation)), null])
}

function inverseOf(permutation: Tensor): Tensor {
  const inverse = empty(permutation.shape, 'int32', permutation.device)
  const { device, size } = permutation
  device.launch({ op: 'invertPermutation', permutation: permutation.slice, inverse: inverse.slice, count: size })
  return inverse
}

/**
 * float32 [...indices.shape, classes]: 1 at the class that the index names, else 0; all 0 for an index outside. No
 * gradient.
 *
 * @throws ShapeError, DtypeError unless the indices are int32
 */
export function oneHot(indices: Tensor, classes: number): Tensor {
  wantDtype('oneHot', 'int32', indices)
  const out = empty([...indices.shape, classes], 'float32', indices.device)
  indices.device.launch({ op: 'oneHot', indices: indices.slice, out: out.slice, count: indices.size, classes })
  return out
}
