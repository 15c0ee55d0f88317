import type { Device } from '../device/device.js'
import { kaimingNormal, parameter } from '../nn/initialise.js'
import { Module } from '../nn/module.js'
import { matmul } from '../ops/matmul.js'
import { l2normalize } from '../ops/normalize.js'
import { accuracy, crossEntropy } from '../ops/softmax.js'
import { softmaxClassifier } from '../ops/softmaxClassifier.js'
import type { Generator } from '../tensor/philox.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ViewPlan } from '../views/plan.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

/** A linear classifier of N surrogate classes: weight [N, F], a row a class, and bias [N]. */
export class SurrogateClasses extends Module {
  readonly weight: Tensor
  readonly bias: Tensor

  constructor(
    readonly count: number,
    inputs: number,
    { generator, device }: { readonly generator: Generator; readonly device: Device },
  ) {
    super()
    const shape = [count, inputs]
    // Of a row's F inputs: `fan: 'out'` counts along the last axis.
    this.weight = parameter(kaimingNormal(shape, generator.split('weight'), { fan: 'out', gain: 1 }), shape, device)
    this.bias = parameter(0, [count], device)
  }

  /** Logits [B, N] of features [B, F]. */
  forward(features: Tensor): Tensor {
    return matmul(features, this.weight, { transposeB: true, bias: this.bias })
  }
}

export interface ExemplarSettings {
  /** How a seed patch is transformed; N patches are trained on, which are the classes. */
  readonly views: ViewPlan
  /**
   * Without the logits [B, N]: they are made and forgotten tile by tile, so that the number of classes costs the memory
   * of their weights alone. The accuracy is then not known.
   */
  readonly streamed: boolean
}

/**
 * Exemplar-CNN: discriminative unsupervised feature learning with exemplar convolutional neural networks (Dosovitskiy et
 * al., 2014, https://arxiv.org/abs/1406.6909). Every seed patch is a class of its own, and its transformed copies are the
 * class's members: which patch is this one made of (equations 1 and 2)?
 *
 * The paper makes K copies of every patch before it trains; here each is new, so that an epoch is one of the K. The task
 * is about the training patches: it cannot be asked of other images.
 */
export class Exemplar extends Method {
  readonly name = 'exemplar'
  readonly views: ViewPlan
  override readonly metricNames: readonly string[]
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: Encoder,
    readonly classes: SurrogateClasses,
    readonly options: ExemplarSettings,
  ) {
    super()
    this.views = options.views
    this.metricNames = options.streamed ? [] : ['accuracy']
    this.modules = { encoder, classes }
  }

  loss({ views: [view], indices }: Batch): MethodOutput {
    const features = this.encoder.forward(view!)
    const embedding = l2normalize(features)
    if (this.options.streamed) {
      const { weight, bias } = this.classes
      return { loss: softmaxClassifier(features, weight, indices, { bias }), embedding, features }
    }
    const logits = this.classes.forward(features)
    return {
      loss: crossEntropy(logits, indices),
      embedding,
      features,
      metrics: { accuracy: accuracy(logits, indices) },
    }
  }

  /** log N: all classes equally likely. */
  chance(): number {
    return Math.log(this.classes.count)
  }
}
