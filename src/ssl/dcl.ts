import type { Module } from '../nn/module.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { embedTogether } from './embedTogether.js'
import { decoupledContrastive } from './losses/decoupledContrastive.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface DCLOptions {
  /** T: 0.1 in the paper. */
  readonly temperature: number
  /** σ of the weights of DCLW, 0.5 in the paper; DCL without. */
  readonly sigma?: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

/**
 * DCL: decoupled contrastive learning (Yeh et al., 2022, https://arxiv.org/abs/2110.06848): SimCLR without the positive
 * pair in the denominator of its loss, where it holds small batches back. With `sigma` DCLW: positive pairs that are far
 * apart count for more.
 */
export class DCL extends Method {
  readonly name = 'dcl'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: DCLOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, projector }
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const { z, ...output } = embedTogether(this.encoder, this.projector, [a!, b!])
    return { loss: decoupledContrastive(z, this.options), ...output }
  }

  /** log(2B − 2): all similarities equal. The loss has no lower bound at 0, and ends below it where T is low. */
  chance(batch: number): number {
    return Math.log(2 * batch - 2)
  }
}
