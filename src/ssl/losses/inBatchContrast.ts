import { mul } from '../../ops/elementwise.js'
import { softmaxClassifier } from '../../ops/softmaxClassifier.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs, wantTemperature } from './check.js'
import { numbers } from './masks.js'

/**
 * InfoNCE with the other rows of the batch as negatives (van den Oord et al., 2018, https://arxiv.org/abs/1807.03748):
 * every query must find its own key among all B, the mean of −log softmax(q·kᵀ / T) on the diagonal. NNCLR's loss (queries
 * are nearest neighbours, keys predictions) and that of MoCo v3. Similarities are made tile by tile and never stored.
 *
 * @param queries, keys float32 [B, D], rows of length 1
 * @returns a scalar; its gradient, of both, is of first order
 * @throws ShapeError, DtypeError, ConfigError
 */
export function inBatchContrast(queries: Tensor, keys: Tensor, temperature: number): Tensor {
  const { rows } = wantPairs('inBatchContrast', queries, keys)
  wantTemperature('inBatchContrast', temperature)
  return softmaxClassifier(mul(queries, 1 / temperature), keys, numbers(rows, queries.device))
}
