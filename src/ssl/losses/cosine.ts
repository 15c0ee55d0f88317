import { ShapeError } from '../../device/errors.js'
import { mul, neg, sub } from '../../ops/elementwise.js'
import { l2normalize } from '../../ops/normalize.js'
import { sum } from '../../ops/sum.js'
import { sameShape, show } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'

/**
 * The mean over rows of ‖p̂ − t̂‖² = 2 − 2·cos(p, t), a scalar from 0 to 4, for predictions p and targets t [N, D], which
 * need not be of length 1 (Grill et al. 2020, equation 2, https://arxiv.org/abs/2006.07733). A row of zeros counts 2.
 *
 * @throws ShapeError, DtypeError
 */
export function normalizedDistance(p: Tensor, t: Tensor): Tensor {
  return sub(2, mul(meanCosine('normalizedDistance', p, t), 2))
}

/**
 * The mean over rows of −cos(p, z), a scalar from −1 to 1, for p and z [N, D] (Chen & He 2021, equation 1,
 * https://arxiv.org/abs/2011.10566). A row of zeros counts 0.
 *
 * @throws ShapeError, DtypeError
 */
export function negativeCosine(p: Tensor, z: Tensor): Tensor {
  return neg(meanCosine('negativeCosine', p, z))
}

function meanCosine(loss: string, a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 2 || !sameShape(a.shape, b.shape)) {
    throw new ShapeError(`${loss}: wants two tensors [N,D] of one shape, got ${show(a.shape)} and ${show(b.shape)}`)
  }
  return mul(sum(mul(l2normalize(a), l2normalize(b))), 1 / a.shape[0]!)
}
