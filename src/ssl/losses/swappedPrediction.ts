import { ShapeError } from '../../device/errors.js'
import { log, maximum, mul, neg } from '../../ops/elementwise.js'
import { mean } from '../../ops/reduce.js'
import { concat } from '../../ops/shape.js'
import { logSoftmax } from '../../ops/softmax.js'
import { sum } from '../../ops/sum.js'
import { sameShape, show } from '../../tensor/shape.js'
import { stopGradient } from '../../tensor/tape.js'
import { type Tensor, wantDtype } from '../../tensor/tensor.js'
import { wantTemperature } from './check.js'

/**
 * What one view is assigned to, predicted from every other view: the loss of SwAV (Caron et al., 2020,
 * https://arxiv.org/abs/2006.09882, equations 1 and 2) and of DINO (Caron et al., 2021,
 * https://arxiv.org/abs/2104.14294, equation 3). The mean over rows and over pairs of a target q of view i and the
 * scores s of another view j of
 *
 *   −Σ_k q_k log softmax(s / T)_k
 *
 * @param targets float32 [B, K] for each of the first views, rows that sum to 1; they have no gradient
 * @param scores float32 [B, K] for every view, those with a target first
 * @param temperature T of the predictions
 * @returns a scalar, made of ops
 * @throws ShapeError for other shapes or fewer than two views, DtypeError, ConfigError
 */
export function swappedPrediction(targets: readonly Tensor[], scores: readonly Tensor[], temperature: number): Tensor {
  const [first] = scores
  if (!first || scores.length < 2 || targets.length < 1 || targets.length > scores.length) {
    const got = `${targets.length} targets, ${scores.length} scores`
    throw new ShapeError(`swappedPrediction: wants scores of two views or more and targets of some, got ${got}`)
  }
  wantDtype('swappedPrediction', 'float32', ...targets, ...scores)
  wantTemperature('swappedPrediction', temperature)
  for (const each of [...targets, ...scores]) {
    if (each.rank !== 2 || !sameShape(each.shape, first.shape)) {
      const got = `${show(each.shape)} beside ${show(first.shape)}`
      throw new ShapeError(`swappedPrediction: wants targets and scores [B,K] of one shape, got ${got}`)
    }
  }
  const predictions = scores.map(each => logSoftmax(mul(each, 1 / temperature)))
  const terms = targets.flatMap((target, own) => {
    const q = stopGradient(target)
    return predictions.filter((_, view) => view !== own).map(prediction => sum(mul(q, prediction), 1))
  })
  return neg(mean(concat(terms, 0)))
}

// 0 · log 0 counts 0.
const LEAST = 1e-30

/**
 * The mean over rows and distributions q of −Σ_k q_k log q_k: the least that `swappedPrediction` of these targets can be;
 * what it is above that are Kullback-Leibler divergences (Caron et al., 2021, section 5.3).
 *
 * @param distributions float32 [B, K] each, rows that sum to 1
 * @returns a scalar from 0 to log K
 */
export function meanEntropy(distributions: readonly Tensor[]): Tensor {
  const q = concat(distributions, 0)
  return neg(mean(sum(mul(q, log(maximum(q, LEAST))), 1)))
}
