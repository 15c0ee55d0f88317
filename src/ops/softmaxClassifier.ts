import { ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { noGrad, onceDifferentiable, willRecord } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { bankOf } from './bank.js'
import { mul } from './elementwise.js'
import { gather } from './gather.js'
import { sweepKeys } from './keySweep.js'

/**
 * Softmax cross-entropy of a linear classifier with very many classes, `crossEntropy(matmul(features, weight, {
 * transposeB: true, bias }), labels)` without the N·C logits: they are made tile by tile, once for the loss and the
 * gradient of the features, and again for the gradient of the weight. For Exemplar-CNN's surrogate classes
 * (Dosovitskiy et al., 2014, https://arxiv.org/abs/1406.6909), one an image.
 *
 * @param features float32 [N, D]
 * @param weight float32 [C, D]
 * @param labels int32 [N], each from 0 to C − 1; the device does not check them
 * @param options.bias float32 [C]
 * @returns a scalar; its gradient, of features, weight and bias, is of first order
 * @throws ShapeError, DtypeError
 */
export function softmaxClassifier(
  features: Tensor,
  weight: Tensor,
  labels: Tensor,
  options: { readonly bias?: Tensor | undefined } = {},
): Tensor {
  const { bias } = options
  const op = 'softmaxClassifier'
  wantDtype(op, 'float32', features, ...(bias ? [bias] : []))
  wantDtype(op, 'int32', labels)
  const bank = bankOf(op, [weight])
  const { rows: classes, columns } = bank
  const [rows] = features.shape as [number]
  const fits = sameShape(features.shape, [rows, columns]) && sameShape(labels.shape, [rows])
  if (!fits || (bias && !sameShape(bias.shape, [classes]))) {
    const got = [features, labels, ...(bias ? [bias] : [])].map(({ shape }) => show(shape)).join(', ')
    throw new ShapeError(
      `${op}: weight ${show(weight.shape)} wants features [N,${columns}], labels [N] and a bias [${classes}], got ${got}`,
    )
  }
  const [positives, biases] = noGrad(() => [gather(weight, labels), bias && gather(bias, labels)])
  const { loss, logSum, missing, gradient } = sweepKeys(features, positives, bank, {
    scale: 1,
    skip: labels,
    ...(bias && { bias: { keys: bias, positives: biases! } }),
    gradient: willRecord([features]),
  })
  positives.dispose()
  biases?.dispose()
  const inputs = bias ? [features, weight, labels, bias] : [features, weight, labels]
  return onceDifferentiable(op, loss, inputs, (g, needed) => {
    const dfeatures = needed[0] ? mul(gradient!, g) : null
    if (!needed[1] && !needed[3]) return [dfeatures, null, null, null]
    const dweight = empty(weight.shape, 'float32', weight.device)
    const dbias = bias && empty(bias.shape, 'float32', weight.device)
    weight.device.launch({
      op: 'keyGradient',
      queries: features.slice,
      keys: weight.slice,
      ...(bias && { bias: bias.slice, dbias: dbias!.slice }),
      skip: labels.slice,
      logSum: logSum.slice,
      missing: missing.slice,
      g: g.slice,
      dkeys: dweight.slice,
      rows,
      columns,
      keyRows: classes,
      first: 0,
    })
    return [dfeatures, dweight, null, dbias ?? null]
  })
}
