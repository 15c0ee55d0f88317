import type { Module } from '../nn/module.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { embedTogether } from './embedTogether.js'
import { supervisedContrastive } from './losses/supervisedContrastive.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface SupConOptions {
  /** T: 0.1 in the paper and in the official CIFAR-10 command. */
  readonly temperature: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

/**
 * SupCon: supervised contrastive learning (Khosla et al., 2020, https://arxiv.org/abs/2004.11362): SimCLR whose positives
 * are all views of images of the same class (L_out). An image whose label is not known (−1) has the other view of itself
 * alone, so that some labels are of use too.
 */
export class SupCon extends Method {
  readonly name = 'supcon'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: SupConOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, projector }
  }

  loss({ views: [a, b], labels }: Batch): MethodOutput {
    const { z, ...output } = embedTogether(this.encoder, this.projector, [a!, b!])
    return { loss: supervisedContrastive(z, labels, this.options.temperature), ...output }
  }

  /**
   * log(2B − 1): all similarities equal. With every class in one point the loss is not 0 but near the logarithm of the
   * number of views of a class in the batch.
   */
  chance(batch: number): number {
    return Math.log(2 * batch - 1)
  }
}
