import type { Module } from '../nn/module.js'
import type { ViewPlan } from '../views/plan.js'
import { classifyViews } from './classifyViews.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

/**
 * Jigsaw: unsupervised learning of visual representations by solving jigsaw puzzles (Noroozi & Favaro, 2016,
 * https://arxiv.org/abs/1603.09246). The nine tiles of an image come in the order of one of P permutations that are far
 * from each other: of which (section 3.3)? All tiles go through one tower, and are compared late: the context-free
 * network.
 */
export class Jigsaw extends Method {
  readonly name = 'jigsaw'
  override readonly heldOut: ViewPlan
  override readonly metricNames = ['accuracy']
  readonly modules: Readonly<Record<string, Module>>

  /**
   * @param head from the features of all tiles, [9B, F], to the logits of the permutations, [B, P]
   * @param views the nine tiles in their order, and int32 [B] which permutation that is
   * @param permutations P
   */
  constructor(
    readonly encoder: Encoder,
    readonly head: Module,
    readonly views: ViewPlan,
    readonly permutations: number,
  ) {
    super()
    this.heldOut = views
    this.modules = { encoder, head }
  }

  loss({ views, targets }: Batch): MethodOutput {
    return classifyViews(this.encoder, this.head, views, targets!)
  }

  /** log P: all permutations equally likely. */
  chance(): number {
    return Math.log(this.permutations)
  }
}
