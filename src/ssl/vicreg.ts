import type { Module } from '../nn/module.js'
import { l2normalize } from '../ops/normalize.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { VICREG_EPSILON, type VicregWeights, vicreg } from './losses/vicreg.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface VICRegOptions {
  /** λ, μ and ν: 25, 25 and 1 in the official code. A variance of 50 is the paper's and solo-learn's 25. */
  readonly weights: VicregWeights
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

/**
 * VICReg: variance-invariance-covariance regularization (Bardes, Ponce & LeCun, 2022,
 * https://arxiv.org/abs/2105.04906). The embeddings [B, D] of two views are to be equal; each dimension is to vary over
 * the batch, with a deviation of at least 1; and no two dimensions are to vary together.
 *
 * The views go through the network one after the other, each with batch statistics of its own, as in the official code.
 */
export class VICReg extends Method {
  readonly name = 'vicreg'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  override readonly metricNames = ['invariance', 'variance', 'covariance']

  constructor(
    readonly encoder: Encoder,
    readonly expander: Module,
    readonly options: VICRegOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, expander }
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const [features, others] = [this.encoder.forward(a!), this.encoder.forward(b!)]
    const [first, second] = [this.expander.forward(features), this.expander.forward(others)]
    const { loss, ...metrics } = vicreg(first, second, this.options.weights)
    return { loss, metrics, embedding: l2normalize(first), positives: l2normalize(second), features }
  }

  /** An embedding that is the same for all images, whose deviation is √ε: only the variance term is left. */
  chance(): number {
    return this.options.weights.variance * (1 - Math.sqrt(VICREG_EPSILON))
  }
}
