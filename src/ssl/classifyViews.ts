import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { concat, split } from '../ops/shape.js'
import { accuracy, crossEntropy } from '../ops/softmax.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Encoder, MethodOutput } from './method.js'

/**
 * A surrogate task with right and wrong answers: all views go through the encoder as one batch, the head gives logits,
 * and the loss is their mean cross-entropy with the answers.
 *
 * @param head from the features of all views, [V·B, F], those of the first view first, to logits [N, C]
 * @param views V of [B, H, W, C]
 * @param answers int32 [N], each from 0 to C − 1: N is V·B where every view is asked, B where they are asked together
 * @returns with `accuracy` among the metrics, and the features of the first view
 */
export function classifyViews(
  encoder: Encoder,
  head: Module,
  views: readonly Tensor[],
  answers: Tensor,
): MethodOutput & { readonly metrics: { readonly accuracy: Tensor } } {
  const all = encoder.forward(concat(views, 0))
  const logits = head.forward(all)
  const features = split(all, views.length)[0]!
  return {
    loss: crossEntropy(logits, answers),
    embedding: l2normalize(features),
    features,
    metrics: { accuracy: accuracy(logits, answers) },
  }
}
