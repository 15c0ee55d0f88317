import type { Module } from '../nn/module.js'
import { concat } from '../ops/shape.js'
import { full } from '../tensor/create.js'
import type { ViewPlan } from '../views/plan.js'
import { quarterTurns } from '../views/quarterTurns.js'
import type { ViewSpec } from '../views/spec.js'
import { classifyViews } from './classifyViews.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface RotationOptions {
  /** What is turned in training. */
  readonly view: ViewSpec
  /** What is turned to ask held-out images: the whole image, as in the official code. */
  readonly heldOut: ViewSpec
}

/**
 * RotNet: unsupervised representation learning by predicting image rotations (Gidaris et al., 2018,
 * https://arxiv.org/abs/1803.07728). Every image is turned by 0, 90, 180 and 270 degrees, and the network tells by how
 * much (equations 2 and 3): it has to know what is up in what it sees.
 */
export class Rotation extends Method {
  readonly name = 'rotation'
  readonly views: ViewPlan
  override readonly heldOut: ViewPlan
  override readonly metricNames = ['accuracy']
  readonly modules: Readonly<Record<string, Module>>

  /** @param head from features [4B, F] to the logits of the four turns, [4B, 4] */
  constructor(
    readonly encoder: Encoder,
    readonly head: Module,
    { view, heldOut }: RotationOptions,
  ) {
    super()
    this.views = quarterTurns(view)
    this.heldOut = quarterTurns(heldOut)
    this.modules = { encoder, head }
  }

  /** All four copies of an image are in the batch, not one of them drawn at random, as in paper and code. */
  loss({ views }: Batch): MethodOutput {
    const turns = views.map(({ shape, device }, turn) => full([shape[0]!], turn, { dtype: 'int32', device }))
    return classifyViews(this.encoder, this.head, views, concat(turns, 0))
  }

  /** log 4: all turns equally likely. */
  chance(): number {
    return Math.log(4)
  }
}
