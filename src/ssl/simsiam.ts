import type { Module } from '../nn/module.js'
import { add, mul } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import { stopGradient } from '../tensor/tape.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { negativeCosine } from './losses/cosine.js'
import { type Batch, type Encoder, Method, type MethodGroup, type MethodOutput } from './method.js'

export interface SimSiamOptions {
  readonly views: readonly [ViewSpec, ViewSpec]
  /** What the paper switches off to show what it is there for (section 4.1): the network then collapses. */
  readonly stopGradient: boolean
  /** The rate that the predictor keeps while the others' falls (section 4.2; `--fix-pred-lr` of the official code). */
  readonly predictorRate?: number
}

/**
 * SimSiam: exploring simple siamese representation learning (Chen & He, 2021, https://arxiv.org/abs/2011.10566): BYOL whose
 * target is the online network itself. What keeps it from collapse is the stop-gradient.
 */
export class SimSiam extends Method {
  readonly name = 'simsiam'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  override readonly groups: readonly MethodGroup[]

  /**
   * @param projector the projection MLP, the last part of the paper's encoder f
   * @param predictor h
   */
  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly predictor: Module,
    readonly options: SimSiamOptions,
  ) {
    super()
    const { views, predictorRate } = options
    this.views = independentViews(views)
    this.modules = { encoder, projector, predictor }
    this.groups = predictorRate === undefined ? [] : [{ prefix: 'predictor.', learningRate: () => predictorRate }]
  }

  /**
   * Equation 4: ½·D(p₁, stopgrad z₂) + ½·D(p₂, stopgrad z₁) with D = −cos. The views go through the network one after the
   * other, as in the official code, each with batch statistics of its own.
   */
  loss({ views }: Batch): MethodOutput {
    const features = views.map(view => this.encoder.forward(view))
    const z = features.map(x => this.projector.forward(x))
    const p = z.map(x => this.predictor.forward(x))
    const targets = this.options.stopGradient ? z.map(stopGradient) : z
    const both = add(negativeCosine(p[0]!, targets[1]!), negativeCosine(p[1]!, targets[0]!))
    return {
      loss: mul(both, 0.5),
      embedding: l2normalize(z[0]!),
      positives: l2normalize(z[1]!),
      features: features[0]!,
    }
  }

  /** 0: predictions at right angles to their targets, as random directions of many dimensions are. The least is −1. */
  chance(): number {
    return 0
  }
}
