import { mul, sub } from '../../ops/elementwise.js'
import { mean } from '../../ops/reduce.js'
import { softmax } from '../../ops/softmax.js'
import { stopGradient } from '../../tensor/tape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'

/**
 * The consistency cost of Mean Teacher (Tarvainen & Valpola, 2017, https://arxiv.org/abs/1703.01780, section 2): the
 * mean over rows and classes of (softmax(student) − softmax(teacher))². The official code divides by the number of
 * classes, as here; the paper's expectation is over images alone.
 *
 * @param student, teacher float32 [B, C], logits; those of the teacher have no gradient
 * @returns a scalar from 0 to 2 / C, made of ops
 * @throws ShapeError, DtypeError
 */
export function consistency(student: Tensor, teacher: Tensor): Tensor {
  wantPairs('consistency', student, teacher)
  const difference = sub(softmax(student), softmax(stopGradient(teacher)))
  return mean(mul(difference, difference))
}
