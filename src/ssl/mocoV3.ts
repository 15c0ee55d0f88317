import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { add, mul } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { eachView } from './eachView.js'
import { inBatchContrast } from './losses/inBatchContrast.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface MoCoV3Options {
  /** T: 1.0 for ResNet-50, 0.2 for ViTs. */
  readonly temperature: number
  /**
   * Whether both views go through a network as one batch, so that batch norm sees them together. Algorithm 1 and the
   * official code take one view after the other.
   */
  readonly jointBatch: boolean
  readonly views: readonly [ViewSpec, ViewSpec]
}

type Networks = { readonly encoder: Encoder; readonly projector: Module }

/**
 * MoCo v3: an empirical study of training self-supervised vision transformers (Chen, Xie & He, 2021,
 * https://arxiv.org/abs/2104.02057). No queue: the keys of the other images of the batch are the negatives, a predictor
 * stands on the online network, and each view is query once and key once (algorithm 1). The loss is multiplied by 2T,
 * so that its gradient does not depend on T at the start.
 */
export class MoCoV3 extends Method {
  readonly name = 'moco-v3'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly online: Networks,
    readonly predictor: Module,
    readonly target: TargetNetwork<Networks>,
    readonly options: MoCoV3Options,
  ) {
    super()
    this.views = independentViews(options.views)
    this.encoder = online.encoder
    this.modules = { ...online, predictor }
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const images = [a!, b!] as const
    const { temperature } = this.options
    const features = eachView(images, this.options, x => this.encoder.forward(x))
    const [q1, q2] = eachView(features, this.options, x =>
      l2normalize(this.predictor.forward(this.online.projector.forward(x))),
    )
    const [k1, k2] = this.target.forward(({ encoder, projector }) =>
      eachView(images, this.options, x => l2normalize(projector.forward(encoder.forward(x)))),
    )
    const both = add(inBatchContrast(q1, k2, temperature), inBatchContrast(q2, k1, temperature))
    return { loss: mul(both, 2 * temperature), embedding: q1, positives: q2, features: features[0] }
  }

  /** 4T · log B: all similarities equal, both ways. */
  chance(batch: number): number {
    return 4 * this.options.temperature * Math.log(batch)
  }

  override attach(model: ModelState): void {
    this.target.attach(model)
  }

  override prepare(step: number): void {
    this.target.prepare(step)
  }

  override afterStep(): void {
    this.target.update()
  }

  override state(): [string, Tensor][] {
    return this.target.state()
  }
}
