import { ConfigError } from '../../device/errors.js'
import { mul, sub, where } from '../../ops/elementwise.js'
import { logSumExp } from '../../ops/logSumExp.js'
import { matmul } from '../../ops/matmul.js'
import { mean } from '../../ops/reduce.js'
import { split } from '../../ops/shape.js'
import { softmax } from '../../ops/softmax.js'
import { sum } from '../../ops/sum.js'
import { noGrad } from '../../tensor/tape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantTemperature, wantViews } from './check.js'
import { NOWHERE, sameImage } from './masks.js'

export interface DecoupledContrastiveOptions {
  readonly temperature: number
  /**
   * σ of the von Mises-Fisher weights of DCLW, which count pairs of views that are far apart for more. No gradient
   * passes through them, as in lightly. All weights are 1 where it is absent: DCL.
   */
  readonly sigma?: number
}

/**
 * The decoupled contrastive loss (Yeh et al., 2022, https://arxiv.org/abs/2110.06848, equations 6 and 7): NT-Xent
 * without the positive pair in the denominator. The mean over the 2B rows z with the other view z⁺ of
 *
 *   −w·z·z⁺/T + log Σ exp(z·z⁻/T), over the 2B − 2 views z⁻ of other images
 *
 * where w = 2 − exp(z·z⁺/σ) / (mean of it over the B pairs), or 1.
 *
 * @param z float32 [2B, D] with B ≥ 2, rows of length 1: those of view a, then those of view b
 * @returns a scalar, made of ops; memory grows with B²
 * @throws ShapeError, DtypeError, ConfigError
 */
export function decoupledContrastive(z: Tensor, { temperature, sigma }: DecoupledContrastiveOptions): Tensor {
  const { batch } = wantViews('decoupledContrastive', z, 2)
  wantTemperature('decoupledContrastive', temperature)
  if (sigma !== undefined && !(sigma > 0)) {
    throw new ConfigError(`decoupledContrastive: wants a sigma above 0, got ${sigma}`)
  }
  const [a, b] = split(z, 2)
  const alike = sum(mul(a, b), 1)
  const weighted = sigma === undefined ? alike : mul(alike, weightsOf(alike, sigma))
  const logits = mul(matmul(z, z, { transposeB: true, precision: 'float32' }), 1 / temperature)
  const negatives = logSumExp(where(sameImage(batch, z.device), NOWHERE, logits))
  return sub(mean(negatives), mul(mean(weighted), 1 / temperature))
}

function weightsOf(alike: Tensor, sigma: number): Tensor {
  return noGrad(() => sub(2, mul(softmax(mul(alike, 1 / sigma)), alike.size)))
}
