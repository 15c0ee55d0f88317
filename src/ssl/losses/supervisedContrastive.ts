import { ShapeError } from '../../device/errors.js'
import { div, mul, neg, where } from '../../ops/elementwise.js'
import { matmul } from '../../ops/matmul.js'
import { mean } from '../../ops/reduce.js'
import { logSoftmax } from '../../ops/softmax.js'
import { sum } from '../../ops/sum.js'
import { sameShape, show } from '../../tensor/shape.js'
import { type Tensor, wantDtype } from '../../tensor/tensor.js'
import { wantTemperature, wantViews } from './check.js'
import { diagonal, NOWHERE, sameClass, withoutDiagonal } from './masks.js'

/**
 * The supervised contrastive loss (Khosla et al., 2020, https://arxiv.org/abs/2004.11362, equation 2, L_out): NT-Xent
 * with all views of images of the same class as positives. The mean over the 2B rows of
 *
 *   −(mean over positives p of log softmax(z·z'/T) at p), the softmax over the 2B − 1 others
 *
 * The official code multiplies it by T / 0.07; the paper does not. Without labels, or where no two are the same, it is
 * NT-Xent.
 *
 * @param z float32 [2B, D], rows of length 1: those of view a, then those of view b
 * @param labels int32 [B]; −1 for an image whose class is not known, which is a class of its own
 * @returns a scalar, made of ops; memory grows with B²
 * @throws ShapeError, DtypeError, ConfigError
 */
export function supervisedContrastive(z: Tensor, labels: Tensor, temperature: number): Tensor {
  const { batch } = wantViews('supervisedContrastive', z)
  wantTemperature('supervisedContrastive', temperature)
  wantDtype('supervisedContrastive', 'int32', labels)
  if (!sameShape(labels.shape, [batch])) {
    throw new ShapeError(`supervisedContrastive: z ${show(z.shape)} wants labels [${batch}], got ${show(labels.shape)}`)
  }
  const logits = mul(matmul(z, z, { transposeB: true, precision: 'float32' }), 1 / temperature)
  const log = logSoftmax(where(diagonal(2 * batch, z.device), NOWHERE, logits))
  const positives = withoutDiagonal(sameClass(labels))
  return neg(mean(div(sum(mul(positives, log), 1), sum(positives, 1))))
}
