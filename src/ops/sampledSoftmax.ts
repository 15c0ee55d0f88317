import { ShapeError } from '../device/errors.js'
import { zeros } from '../tensor/create.js'
import { sameShape, show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { bankOf } from './bank.js'
import { add, equal, log, neg, sub, where } from './elementwise.js'
import { gather } from './gather.js'
import { matmul } from './matmul.js'
import { pickedDots } from './pickedDots.js'
import { reshape } from './reshape.js'
import { concat } from './shape.js'
import { crossEntropy } from './softmax.js'

/** A logit that has no weight beside any other. */
const NEVER = -1e30

export interface SampledSoftmaxOptions {
  /** float32 [C], added to the logits. */
  readonly bias?: Tensor
  /**
   * How often the sampler is expected to draw each row's label, [N], and each class that it drew, [S]: their logarithms
   * are taken off the logits. Default: all alike, as a uniform sampler draws them.
   */
  readonly expected?: { readonly labels: Tensor; readonly sampled: Tensor }
  /** Leaves a sampled class out where it is the row's own label. Default true. */
  readonly removeAccidentalHits?: boolean
}

/**
 * Softmax cross-entropy among a row's own class and a few sampled ones, which the whole batch shares, in place of all C
 * classes (Jean et al., 2015, https://arxiv.org/abs/1412.2007, section 3; the correction by log Q is that of Bengio &
 * Senécal, 2008). Memory: some numbers for each of the N·S pairs.
 *
 * @param features float32 [N, D]
 * @param weight float32 [C, D]
 * @param labels int32 [N]
 * @param sampled int32 [S], classes drawn by the caller
 * @returns a scalar; its gradient, of features, weight and bias, is of first order
 * @throws ShapeError, DtypeError
 */
export function sampledSoftmax(
  features: Tensor,
  weight: Tensor,
  labels: Tensor,
  sampled: Tensor,
  options: SampledSoftmaxOptions = {},
): Tensor {
  const { bias, expected, removeAccidentalHits = true } = options
  const { rows: classes, columns } = bankOf('sampledSoftmax', [weight])
  wantDtype('sampledSoftmax', 'int32', labels, sampled)
  const [rows] = features.shape as [number]
  const count = sampled.size
  const wanted = [
    [features, [rows, columns]],
    [labels, [rows]],
    [sampled, [count]],
    [bias, [classes]],
    [expected?.labels, [rows]],
    [expected?.sampled, [count]],
  ] as const
  if (wanted.some(([tensor, shape]) => tensor && !sameShape(tensor.shape, shape))) {
    const got = wanted.flatMap(([tensor]) => (tensor ? [show(tensor.shape)] : [])).join(', ')
    throw new ShapeError(
      `sampledSoftmax: weight ${show(weight.shape)} wants features [N,${columns}], labels [N], sampled [S], a bias ` +
        `[${classes}] and expected counts [N] and [S], got ${got}`,
    )
  }
  /** What is added to the dot products of some classes: [n], or nothing. */
  const shiftOf = (picked: Tensor, expectation: Tensor | undefined): Tensor | undefined => {
    const biases = bias && gather(bias, picked)
    if (!expectation) return biases
    const logCount = log(expectation)
    return biases ? sub(biases, logCount) : neg(logCount)
  }
  const own = pickedDots(features, [weight], reshape(labels, [rows, 1]))
  const ownShift = shiftOf(labels, expected?.labels)
  const shift = shiftOf(sampled, expected?.sampled)
  const others = matmul(features, gather(weight, sampled), { transposeB: true, ...(shift && { bias: shift }) })
  const hits = removeAccidentalHits && equal(reshape(labels, [rows, 1]), reshape(sampled, [1, count]))
  const logits = concat(
    [ownShift ? add(own, reshape(ownShift, [rows, 1])) : own, hits ? where(hits, NEVER, others) : others],
    1,
  )
  return crossEntropy(logits, zeros([rows], { dtype: 'int32', device: features.device }))
}
