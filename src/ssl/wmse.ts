import type { Module } from '../nn/module.js'
import { add, mul } from '../ops/elementwise.js'
import { permute } from '../ops/gather.js'
import { l2normalize } from '../ops/normalize.js'
import { concat, split } from '../ops/shape.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { type WhitenedDistanceOptions, whitenedDistance } from './losses/whiten.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface WMSEOptions extends WhitenedDistanceOptions {
  /** How often a step whitens, each time with other slices; the losses are averaged. */
  readonly iterations: number
  /** B. */
  readonly batch: number
  /** Of the slices: what goes into one is drawn anew for every step. */
  readonly generator: Generator
  /** Two views of every image, or four. */
  readonly views: readonly ViewSpec[]
}

/**
 * W-MSE: whitening for self-supervised representation learning (Ermolov et al., 2021, https://arxiv.org/abs/2007.06346).
 * Embeddings are whitened over slices of the batch, which leaves them no way to be all alike, and then those of views of
 * one image are drawn together (section 3).
 *
 * The views go through the encoder one after the other and through the projector as one batch, as in the official code.
 */
export class WMSE extends Method {
  readonly name = 'wmse'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  override readonly remedy =
    'options.epsilon above 0 or a lower learning rate: embeddings that leave a dimension out cannot be whitened'
  /** int32 [B] for each iteration: the order in which images are cut into slices, in all views the same. */
  private readonly orders: readonly Tensor[]

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: WMSEOptions,
  ) {
    super()
    const { iterations, batch, views } = options
    this.views = independentViews(views)
    this.modules = { encoder, projector }
    const { device } = encoder.parameters()[0]!
    this.orders = Array.from({ length: iterations }, () => keep(empty([batch], 'int32', device)))
  }

  loss({ views }: Batch): MethodOutput {
    const features = views.map(view => this.encoder.forward(view))
    const z = split(this.projector.forward(concat(features, 0)), views.length)
    const losses = this.orders.map(order => {
      const shuffled = z.map(view => permute(view, order))
      return whitenedDistance(shuffled, this.options)
    })
    return {
      loss: mul(losses.reduce(add), 1 / losses.length),
      embedding: l2normalize(z[0]!),
      positives: l2normalize(z[1]!),
      features: features[0]!,
    }
  }

  /** Whitened views that have nothing in common: cosines of 0, and dimensions whose differences have variance 2. */
  chance(): number {
    return 2
  }

  override prepare(step: number): void {
    const { generator, batch } = this.options
    this.orders.forEach((order, iteration) => {
      order.write(generator.split(`slices/${step}/${iteration}`).permutation(batch))
    })
  }
}
