import type { Module } from '../nn/module.js'
import type { ViewPlan } from '../views/plan.js'
import { classifyViews } from './classifyViews.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

/**
 * Context Prediction: unsupervised visual representation learning by context prediction (Doersch et al., 2015,
 * https://arxiv.org/abs/1505.05192). Two patches of an image, side by side or corner to corner with a gap between them:
 * at which of the eight places around the first is the second (section 3)? Both go through one tower, and are compared
 * late.
 */
export class ContextPrediction extends Method {
  readonly name = 'context'
  override readonly heldOut: ViewPlan
  override readonly metricNames = ['accuracy']
  readonly modules: Readonly<Record<string, Module>>

  /**
   * @param head from the features of both patches, [2B, F], to the logits of the eight places, [B, 8]
   * @param views the two patches, and int32 [B] where the second is
   */
  constructor(
    readonly encoder: Encoder,
    readonly head: Module,
    readonly views: ViewPlan,
  ) {
    super()
    this.heldOut = views
    this.modules = { encoder, head }
  }

  /** The mean over pairs; the official code sums (`normalization=NONE`), so that its rate is to be multiplied by B. */
  loss({ views, targets }: Batch): MethodOutput {
    return classifyViews(this.encoder, this.head, views, targets!)
  }

  /** log 8: all places equally likely. */
  chance(): number {
    return Math.log(8)
  }
}
