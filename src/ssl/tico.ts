import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { l2normalize } from '../ops/normalize.js'
import { assign } from '../ops/shape.js'
import { zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { tico } from './losses/tico.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface TiCoOptions {
  /** β: how much of the covariance is kept from step to step, 0.9. */
  readonly covarianceMomentum: number
  /** ρ: the weight of the covariance contrast, 8; 20 for ImageNet. */
  readonly rho: number
  /** D: outputs of the projector. */
  readonly dimension: number
  /** The trained network's view of every image and the momentum encoder's. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

type Networks = { readonly encoder: Encoder; readonly projector: Module }

/**
 * TiCo: transformation invariance and covariance contrast (Zhu et al., 2022, https://arxiv.org/abs/2206.10698). An
 * embedding is drawn to the momentum encoder's of the other view, and pushed out of the directions in which the
 * embeddings of the latest batches lie: C [D, D], a moving average of ẑẑᵀ that begins with zeros, stands in for a queue
 * of negatives.
 */
export class TiCo extends Method {
  readonly name = 'tico'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  private readonly covariance: Tensor
  private next: Tensor | undefined

  constructor(
    readonly online: Networks,
    readonly target: TargetNetwork<Networks>,
    readonly options: TiCoOptions,
  ) {
    super()
    const { dimension, views } = options
    this.views = independentViews(views)
    this.encoder = online.encoder
    this.modules = online
    const { device } = online.encoder.parameters()[0]!
    this.covariance = keep(zeros([dimension, dimension], { device }))
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const features = this.encoder.forward(a!)
    const z = this.online.projector.forward(features)
    const other = this.target.forward(({ encoder, projector }) => projector.forward(encoder.forward(b!)))
    const { loss, covariance } = tico(z, other, this.covariance, this.options)
    this.next = covariance
    return { loss, embedding: l2normalize(z), positives: l2normalize(other), features }
  }

  /**
   * Embeddings all over the sphere whose views have nothing in common: C is the identity / D, so the loss is ρ / D (and
   * less in the first steps, while C grows from zero). All alike it is ρ − 1; the best there is lies near ρ / D − 1.
   */
  chance(): number {
    return this.options.rho / this.options.dimension
  }

  override attach(model: ModelState): void {
    this.target.attach(model)
  }

  override prepare(step: number): void {
    this.target.prepare(step)
  }

  override afterStep(): void {
    assign(this.covariance, this.next!)
    this.target.update()
  }

  override state(): [string, Tensor][] {
    return [...this.target.state(), ['covariance', this.covariance]]
  }
}
