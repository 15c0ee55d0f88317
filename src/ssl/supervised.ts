import type { Module } from '../nn/module.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { classifyViews } from './classifyViews.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface SupervisedOptions {
  readonly classes: number
  readonly view: ViewSpec
  /** What held-out images are classified by. */
  readonly heldOut: ViewSpec
}

/**
 * Plain classification: not a self-supervised method, but the row that they are held against. The question is how much
 * of what labels teach a method learns without them.
 */
export class Supervised extends Method {
  readonly name = 'supervised'
  readonly views: ViewPlan
  override readonly heldOut: ViewPlan
  override readonly metricNames = ['accuracy']
  readonly modules: Readonly<Record<string, Module>>

  /** @param classifier from features [B, F] to logits [B, classes] */
  constructor(
    readonly encoder: Encoder,
    readonly classifier: Module,
    readonly options: SupervisedOptions,
  ) {
    super()
    this.views = independentViews([options.view])
    this.heldOut = independentViews([options.heldOut])
    this.modules = { encoder, classifier }
  }

  loss({ views, labels }: Batch): MethodOutput {
    return classifyViews(this.encoder, this.classifier, views, labels)
  }

  /** log C: all classes equally likely. */
  chance(): number {
    return Math.log(this.options.classes)
  }
}
