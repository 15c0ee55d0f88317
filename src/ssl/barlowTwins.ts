import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { barlowTwins } from './losses/barlowTwins.js'
import { type Batch, type Encoder, Method, type MethodGroup, type MethodOutput } from './method.js'

export interface BarlowTwinsOptions {
  /** λ: what a squared correlation of two different dimensions costs, beside 1 for one that is missing. */
  readonly lambda: number
  /**
   * The learning rate of biases and norms as a share of the weights'. The official LARS gives weights 0.2 and the
   * others, to whose lengths it does not adapt, 0.0048.
   */
  readonly biasRate: number
  /** D: outputs of the projector. */
  readonly dimension: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

/**
 * Barlow Twins: self-supervised learning via redundancy reduction (Zbontar et al., 2021,
 * https://arxiv.org/abs/2103.03230). The correlations over the batch of the embeddings [B, D] of two views are to be the
 * identity: what a dimension says of one view it says of the other, and no two dimensions say the same.
 *
 * The views go through the network one after the other, each with batch statistics of its own, as in the official code.
 */
export class BarlowTwins extends Method {
  readonly name = 'barlow'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  override readonly groups: readonly MethodGroup[]

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: BarlowTwinsOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, projector }
    const { biasRate } = options
    const learningRate = (_: number, scheduled: number) => biasRate * scheduled
    this.groups = biasRate === 1 ? [] : [{ prefix: '', kind: 'noDecay', learningRate }]
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const [features, others] = [this.encoder.forward(a!), this.encoder.forward(b!)]
    const [first, second] = [this.projector.forward(features), this.projector.forward(others)]
    return {
      loss: barlowTwins(first, second, this.options.lambda),
      embedding: l2normalize(first),
      positives: l2normalize(second),
      features,
    }
  }

  /**
   * Two views and all dimensions independent of each other: correlations over B images have mean 0 and variance
   * 1 / (B − 1), so D·(1 + 1/(B − 1)) on the diagonal and λ·D·(D − 1)/(B − 1) off it.
   */
  chance(batch: number): number {
    const { lambda, dimension } = this.options
    const noise = 1 / (batch - 1)
    return dimension * (1 + noise) + lambda * dimension * (dimension - 1) * noise
  }
}
