import { ConfigError, ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { noGrad, stopGradient } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { bankOf } from './bank.js'
import { add, log, mul, type Operand, softplus, sub } from './elementwise.js'
import { gather } from './gather.js'
import { logSumExp } from './logSumExp.js'
import { pickedDots } from './pickedDots.js'
import { reshape } from './reshape.js'
import { sum } from './sum.js'

/** Added to denominators, as in https://github.com/zhirongw/lemniscate.pytorch/blob/master/lib/NCECriterion.py. */
const EPSILON = 1e-7

export interface NCEOptions {
  /** Default 1. */
  readonly temperature?: number
  /**
   * log Z, one element on the device: exp(similarity / T − log Z) is a probability. Of a memory bank it is estimated from
   * the first batch (`logNormaliserOf`), and constant from then on. Default 0, as for word vectors.
   */
  readonly logNormaliser?: Tensor
  /** [n]: the probability with which each row of the bank is drawn as a negative. Default 1/n. */
  readonly noise?: Tensor
}

/**
 * Noise-contrastive estimation (Gutmann & Hyvärinen, 2010) as Instance Discrimination has it (Wu et al., 2018,
 * https://arxiv.org/abs/1805.01978, equations 4 to 7): each query's own row is told from m rows drawn from the noise Pn.
 * With P = exp(similarity / T) / Z the mean over queries of
 *
 *   −log P/(P + m·Pn + ε) − Σ_s log m·Pn/(P_s + m·Pn + ε),  ε = 1e-7 as in the official code,
 *
 * written with logarithms, so that no exponential overflows. Memory: some numbers for each of the N·m pairs.
 *
 * @param features float32 [N, D], rows of length 1 (`l2normalize`) for a memory bank
 * @param bank float32 pages [k, D] of n rows, constant; a single page may be trained
 * @param indices int32 [N], each query's own row, numbered across all pages; the device does not check them
 * @param negatives int32 [N, m], drawn from the noise; one may be the query's own row
 * @returns a scalar; its gradient, of the features and of a bank that is trained, is of first order
 * @throws ShapeError, DtypeError, ConfigError, GradientError for a bank of several pages that is on the tape
 */
export function nce(
  features: Tensor,
  bank: readonly Tensor[],
  indices: Tensor,
  negatives: Tensor,
  options: NCEOptions = {},
): Tensor {
  const { temperature = 1, logNormaliser, noise } = options
  const { rows: classes } = bankOf('nce', bank)
  const constants = [logNormaliser, noise].filter(tensor => tensor !== undefined)
  wantDtype('nce', 'float32', features, ...constants)
  const [rows] = features.shape as [number]
  const [, drawn] = negatives.shape as [number, number]
  if (!sameShape(indices.shape, [rows]) || !sameShape(negatives.shape, [rows, drawn])) {
    const got = `${show(indices.shape)} and ${show(negatives.shape)}`
    throw new ShapeError(
      `nce: features ${show(features.shape)} want indices [${rows}] and negatives [${rows},m], got ${got}`,
    )
  }
  if ((logNormaliser && logNormaliser.size !== 1) || (noise && !sameShape(noise.shape, [classes]))) {
    throw new ShapeError(
      `nce: a bank of ${classes} rows wants a logNormaliser of one element and a noise [${classes}], got ` +
        constants.map(({ shape }) => show(shape)).join(' and '),
    )
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`nce: wants a temperature above 0, got ${temperature}`)
  }
  const logZ = logNormaliser && reshape(logNormaliser, [1, 1])
  const logChance = (picked: Tensor) => {
    const similarity = mul(pickedDots(features, bank, picked), 1 / temperature)
    return logZ ? sub(similarity, logZ) : similarity
  }
  // m·Pn of rows, and the logarithm of what is added to P.
  const levelOf = (picked: Tensor) => (noise ? mul(gather(noise, picked), drawn) : drawn / classes)
  const logLevel = (level: Operand) =>
    typeof level === 'number' ? Math.log(level + EPSILON) : log(add(level, EPSILON))

  const own = reshape(indices, [rows, 1])
  const attraction = sum(softplus(sub(logLevel(levelOf(own)), logChance(own))))
  const level = levelOf(negatives)
  const repulsion = sum(softplus(sub(logChance(negatives), logLevel(level))))
  // ε stands in the denominator alone.
  const rest =
    typeof level === 'number'
      ? rows * drawn * Math.log1p(EPSILON / level)
      : sum(sub(log(add(level, EPSILON)), log(level)))
  return mul(add(add(attraction, repulsion), rest), 1 / rows)
}

/**
 * log Z of a bank of n rows, estimated from rows that are drawn evenly (equation 7): log n + log mean exp(similarity / T),
 * whose exponentials do not overflow however low the temperature is.
 *
 * @param features float32 [N, D]
 * @param drawn int32 [N, m]
 * @returns a scalar, without a gradient
 * @throws ShapeError, DtypeError
 */
export function logNormaliserOf(features: Tensor, bank: readonly Tensor[], drawn: Tensor, temperature: number): Tensor {
  return noGrad(() => {
    const similarity = mul(pickedDots(stopGradient(features), bank, drawn), 1 / temperature)
    const shift = Math.log(bankOf('nce', bank).rows / drawn.size)
    return add(logSumExp(reshape(similarity, [drawn.size])), shift)
  })
}
