import { ShapeError } from '../../device/errors.js'
import { add, div, maximum, mul, sqrt, sub } from '../../ops/elementwise.js'
import { mean, variance } from '../../ops/reduce.js'
import { sum } from '../../ops/sum.js'
import { sameShape, show } from '../../tensor/shape.js'
import { stopGradient } from '../../tensor/tape.js'
import { type Tensor, wantDtype } from '../../tensor/tensor.js'

export interface MaskedSquaredErrorOptions {
  /** Whether a patch's own mean and deviation are taken off what is to be predicted (table 1d of the paper). */
  readonly normalisedPixels: boolean
}

// Of the variance of a patch, in the official code: a patch of one colour has a target of zeros.
const EPSILON = 1e-6

/**
 * MAE's loss (He et al., 2021, https://arxiv.org/abs/2111.06377, section 3): the mean squared error over the pixels of
 * hidden patches. What is painted where a patch is seen does not count.
 *
 * @param painted float32 [B, P, N]: N numbers for each of P patches
 * @param patches [B, P, N] of the image; they have no gradient
 * @param hidden [B, P]: 1 for a patch that is hidden, else 0; where none is, the loss is 0
 * @returns a scalar, made of ops
 * @throws ShapeError, also for patches of one number, which cannot be normalised; DtypeError
 */
export function maskedSquaredError(
  painted: Tensor,
  patches: Tensor,
  hidden: Tensor,
  { normalisedPixels }: MaskedSquaredErrorOptions,
): Tensor {
  wantDtype('maskedSquaredError', 'float32', painted, patches, hidden)
  const fits = sameShape(painted.shape, patches.shape) && sameShape(hidden.shape, painted.shape.slice(0, 2))
  if (painted.rank !== 3 || !fits) {
    const got = `${show(painted.shape)}, ${show(patches.shape)} and ${show(hidden.shape)}`
    throw new ShapeError(`maskedSquaredError: wants painted and patches [B,P,N] and hidden [B,P], got ${got}`)
  }
  if (normalisedPixels && painted.shape[2]! < 2) {
    throw new ShapeError(
      `maskedSquaredError: normalised pixels want patches of two numbers, got ${show(patches.shape)}`,
    )
  }
  const error = sub(painted, normalisedPixels ? normalised(stopGradient(patches)) : stopGradient(patches))
  const perPatch = mean(mul(error, error), 2)
  return div(sum(mul(perPatch, hidden)), maximum(sum(hidden), 1))
}

function normalised(patches: Tensor): Tensor {
  const centred = sub(patches, mean(patches, 2, { keepDims: true }))
  return div(centred, sqrt(add(variance(patches, 2, { keepDims: true, correction: 1 }), EPSILON)))
}
