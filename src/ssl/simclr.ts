import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { ntXent } from '../ops/ntXent.js'
import { concat, split } from '../ops/shape.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface SimCLROptions {
  /** T of NT-Xent: 0.5 for CIFAR-10, 0.1 for ImageNet in the official code. */
  readonly temperature: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

/**
 * SimCLR: a simple framework for contrastive learning of visual representations (Chen et al., 2020,
 * https://arxiv.org/abs/2002.05709). Two views of every image; each must find the other among all 2B − 1 views of the
 * batch (NT-Xent, equation 1).
 */
export class SimCLR extends Method {
  readonly name = 'simclr'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: SimCLROptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, projector }
  }

  /** Both views go through the encoder as one batch, so that batch norm sees them together, as in the official code. */
  loss({ views: [a, b] }: Batch): MethodOutput {
    const features = this.encoder.forward(concat([a!, b!], 0))
    const z = l2normalize(this.projector.forward(features))
    const [embedding, positives] = split(z, 2)
    return { loss: ntXent(z, this.options.temperature), embedding, positives, features: split(features, 2)[0] }
  }

  /** log(2B − 1): all similarities equal. */
  chance(batch: number): number {
    return Math.log(2 * batch - 1)
  }
}
