import { GradientError, ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { isTracked, onceDifferentiable, willRecord } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { mul } from './elementwise.js'
import { gatherRows } from './gatherRows.js'
import { bankFor, sweepKeys } from './keySweep.js'

/**
 * The non-parametric softmax over a whole memory bank (Wu et al., 2018, https://arxiv.org/abs/1805.01978, equation 2):
 * the mean over queries of −log softmax of q·bankᵀ / T at the row of the bank that is the query's own. The similarities
 * are made tile by tile and never stored, be it 1,281,167 rows. Chance is log K.
 *
 * @param queries float32 [N, D], rows of length 1 (`l2normalize`)
 * @param indices int32 [N], each query's own row, numbered across all pages; the device does not check them
 * @param bank float32 pages [k, D], constant
 * @param temperature positive
 * @returns a scalar; its gradient, of the queries, is of first order
 * @throws ShapeError, DtypeError, ConfigError, GradientError for a bank that is on the tape
 */
export function bankSoftmax(queries: Tensor, indices: Tensor, bank: readonly Tensor[], temperature: number): Tensor {
  const keys = bankFor('bankSoftmax', queries, bank, temperature)
  wantDtype('bankSoftmax', 'int32', indices)
  if (!sameShape(indices.shape, [queries.shape[0]!])) {
    throw new ShapeError(`bankSoftmax: queries ${show(queries.shape)} want as many indices, got ${show(indices.shape)}`)
  }
  if (bank.some(isTracked)) {
    throw new GradientError('bankSoftmax: a bank is constant; use softmaxClassifier for rows that are trained')
  }
  const positives = gatherRows(bank, indices)
  const { loss, logSum, missing, gradient } = sweepKeys(queries, positives, keys, {
    scale: 1 / temperature,
    skip: indices,
    gradient: willRecord([queries]),
  })
  for (const each of [positives, logSum, missing]) each.dispose()
  return onceDifferentiable('bankSoftmax', loss, [queries, indices], g => [mul(gradient!, g), null])
}
