import { GradientError, ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { isTracked, onceDifferentiable, willRecord } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { mul } from './elementwise.js'
import { bankFor, sweepKeys } from './keySweep.js'
import { reshape } from './reshape.js'

/**
 * InfoNCE against a bank of constant negatives, MoCo's loss (He et al., 2020, https://arxiv.org/abs/1911.05722,
 * equation 1): the mean over queries of −log softmax of [q·k⁺, q·bankᵀ] / T at the positive. Of K = 65,536 keys or many
 * more the similarities are made tile by tile and never stored; exact. Chance is log(K + 1).
 *
 * @param queries float32 [N, D], rows of length 1 (`l2normalize`)
 * @param positives float32 [N, D]: each query's own key
 * @param bank float32 pages [k, D] of negatives, constant
 * @param temperature positive
 * @returns a scalar; its gradient, of queries and positives, is of first order
 * @throws ShapeError, DtypeError, ConfigError, GradientError for a bank that is on the tape
 */
export function infoNCE(queries: Tensor, positives: Tensor, bank: readonly Tensor[], temperature: number): Tensor {
  const keys = bankFor('infoNCE', queries, bank, temperature)
  wantDtype('infoNCE', 'float32', positives)
  if (!sameShape(positives.shape, queries.shape)) {
    throw new ShapeError(`infoNCE: queries ${show(queries.shape)} want as many positives, got ${show(positives.shape)}`)
  }
  if (bank.some(isTracked)) {
    throw new GradientError('infoNCE: a bank is constant; stopGradient it, or use softmaxClassifier for trained keys')
  }
  const scale = 1 / temperature
  const { loss, logSum, missing, gradient } = sweepKeys(queries, positives, keys, {
    scale,
    gradient: willRecord([queries]),
  })
  logSum.dispose()
  return onceDifferentiable('infoNCE', loss, [queries, positives], (g, needed) => {
    const [rows] = queries.shape as [number]
    const pull = () => mul(mul(missing, -scale / rows), g)
    return [needed[0] ? mul(gradient!, g) : null, needed[1] ? mul(queries, reshape(pull(), [rows, 1])) : null]
  })
}
