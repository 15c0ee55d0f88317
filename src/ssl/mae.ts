import type { MaskedDecoder } from '../nn/maskedDecoder.js'
import type { Module } from '../nn/module.js'
import { patchesOf } from '../nn/patches.js'
import type { VisionTransformer } from '../nn/vit.js'
import { add, div, mul, sqrt, sub } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import { mean, variance } from '../ops/reduce.js'
import { sum } from '../ops/sum.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { type Batch, Method, type MethodOutput } from './method.js'
import type { PatchMask } from './patchMask.js'

export interface MAEOptions {
  /** Whether a patch's own mean and deviation are taken off what is to be predicted (table 1d): better features. */
  readonly normalisedPixels: boolean
  readonly view: ViewSpec
}

// Of the variance of a patch, in the official code.
const EPSILON = 1e-6

/**
 * MAE: masked autoencoders are scalable vision learners (He et al., 2021, https://arxiv.org/abs/2111.06377). Most patches
 * of an image are hidden; the encoder sees the others alone, and a small decoder must paint the hidden ones. The loss is
 * the mean squared error over pixels of hidden patches.
 */
export class MAE extends Method {
  readonly name = 'mae'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: VisionTransformer,
    readonly decoder: MaskedDecoder,
    readonly mask: PatchMask,
    readonly options: MAEOptions,
  ) {
    super()
    this.views = independentViews([options.view])
    this.modules = { encoder, decoder }
  }

  loss({ views: [view] }: Batch): MethodOutput {
    const { seen, places, hidden } = this.mask
    const tokens = this.encoder.tokens(view!, seen)
    const painted = this.decoder.decode(tokens, places)
    const error = sub(painted, this.target(view!))
    const perPatch = mean(mul(error, error), 2)
    const features = this.encoder.pool(tokens)
    const count = hidden.size * (1 - this.mask.seenCount / hidden.shape[1]!)
    return { loss: mul(sum(mul(perPatch, hidden)), 1 / count), embedding: l2normalize(features), features }
  }

  /** [B, patches, numbers of a patch] */
  private target(view: Tensor): Tensor {
    const patches = patchesOf(view, this.encoder.patchSize)
    if (!this.options.normalisedPixels) return patches
    const centred = sub(patches, mean(patches, 2, { keepDims: true }))
    return div(centred, sqrt(add(variance(patches, 2, { keepDims: true, correction: 1 }), EPSILON)))
  }

  /** 1: painting every patch in its mean colour, where normalised pixels are the target; less for flat patches. */
  chance(): number {
    return 1
  }

  override prepare(step: number): void {
    this.mask.prepare(step)
  }
}
