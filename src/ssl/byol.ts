import { ConfigError } from '../device/errors.js'
import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { add, mul } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import { stopGradient } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { eachView, type Pair } from './eachView.js'
import { normalizedDistance } from './losses/cosine.js'
import { type Batch, type Encoder, Method, type MethodGroup, type MethodOutput } from './method.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface BYOLNetworks {
  readonly encoder: Encoder
  readonly projector: Module
  /** q: from projections to projections; without one, projections are held against the target's as they are. */
  readonly predictor?: Module
  /** Without one, the online network is its own target (momentum 0). */
  readonly target?: TargetNetwork<{ readonly encoder: Module; readonly projector: Module }>
}

export interface BYOLOptions {
  readonly views: readonly [ViewSpec, ViewSpec]
  /**
   * Whether both views go through a network as one batch, so that batch norm sees them together. The official code takes
   * one view after the other.
   */
  readonly jointBatch: boolean
  /** Whether the losses of the two directions are added (paper and code) or averaged (many ports: half the gradient). */
  readonly directions: 'sum' | 'mean'
  /** `false`, for a network that is its own target, sends the gradient to the targets too: a short way to collapse. */
  readonly stopGradient: boolean
  /** The predictor's own rate or weight decay. */
  readonly groups?: readonly MethodGroup[]
}

/**
 * BYOL: bootstrap your own latent (Grill et al., 2020, https://arxiv.org/abs/2006.07733). An online network predicts, from
 * one view, what a slowly following target network projects the other view to. There are no negatives. The target's
 * momentum goes from its base to 1 along half a cosine (`cosineMomentum`).
 */
export class BYOL extends Method {
  readonly name: string = 'byol'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  override readonly groups: readonly MethodGroup[]

  /** @throws ConfigError for a gradient into a target that follows by averaging */
  constructor(
    readonly networks: BYOLNetworks,
    readonly options: BYOLOptions,
  ) {
    super()
    const { encoder, projector, predictor, target } = networks
    if (target && !options.stopGradient) {
      throw new ConfigError(
        'stopGradient: false wants momentum 0: a target that follows by averaging has no gradient to stop',
      )
    }
    this.views = independentViews(options.views)
    this.encoder = encoder
    this.modules = { encoder, projector, ...(predictor && { predictor }) }
    this.groups = options.groups ?? []
  }

  /** Equation 2 from view 1 to view 2 and the other way, mean over the batch. */
  loss({ views: [a, b] }: Batch): MethodOutput {
    const { encoder, projector, predictor, target } = this.networks
    const images: Pair = [a!, b!]
    const features = eachView(images, this.options, x => encoder.forward(x))
    const z = eachView(features, this.options, x => projector.forward(x))
    this.observe(z)
    const p = predictor ? eachView(z, this.options, x => predictor.forward(x)) : z
    const itself = () => (this.options.stopGradient ? z.map(stopGradient) : z)
    const [first, second] = target
      ? target.forward(own => eachView(images, this.options, x => own.projector.forward(own.encoder.forward(x))))
      : itself()
    const both = add(normalizedDistance(p[0], second), normalizedDistance(p[1], first))
    return {
      loss: this.options.directions === 'sum' ? both : mul(both, 0.5),
      embedding: l2normalize(z[0]),
      positives: l2normalize(z[1]),
      features: features[0],
    }
  }

  /** 2 in each direction: predictions at right angles to their targets, as random directions of many dimensions are. */
  chance(): number {
    return this.options.directions === 'sum' ? 4 : 2
  }

  override attach(model: ModelState): void {
    this.networks.target?.attach(model)
  }

  override prepare(step: number): void {
    this.networks.target?.prepare(step)
  }

  override afterStep(): void {
    this.networks.target?.update()
  }

  override state(): readonly (readonly [string, Tensor])[] {
    return this.networks.target?.state() ?? []
  }

  /** For methods that learn from the online projections [B, D] of both views before they are predicted from. */
  protected observe(_projections: Pair): void {}
}
