import { mul, sub } from '../../ops/elementwise.js'
import { mean } from '../../ops/reduce.js'
import { sum } from '../../ops/sum.js'
import { stopGradient } from '../../tensor/tape.js'
import type { Tensor } from '../../tensor/tensor.js'
import { wantPairs } from './check.js'

/**
 * The proximal term of Instance Discrimination (Wu et al., 2018, https://arxiv.org/abs/1805.01978, equation 8): the mean
 * over rows of ‖v − v'‖², which keeps an embedding near to where it was when its image was last seen.
 *
 * @param z v, float32 [B, D]
 * @param before v', [B, D]; it has no gradient
 * @returns a scalar, made of ops
 * @throws ShapeError, DtypeError
 */
export function proximal(z: Tensor, before: Tensor): Tensor {
  wantPairs('proximal', z, before)
  const moved = sub(z, stopGradient(before))
  return mean(sum(mul(moved, moved), 1))
}
