import type { MaskedDecoder } from '../nn/maskedDecoder.js'
import type { Module } from '../nn/module.js'
import { patchesOf } from '../nn/patches.js'
import type { VisionTransformer } from '../nn/vit.js'
import { l2normalize } from '../ops/normalize.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { type MaskedSquaredErrorOptions, maskedSquaredError } from './losses/maskedSquaredError.js'
import { type Batch, Method, type MethodOutput } from './method.js'
import type { PatchMask } from './patchMask.js'

export interface MAEOptions extends MaskedSquaredErrorOptions {
  readonly view: ViewSpec
}

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
    const loss = maskedSquaredError(painted, patchesOf(view!, this.encoder.patchSize), hidden, this.options)
    const features = this.encoder.pool(tokens)
    return { loss, embedding: l2normalize(features), features }
  }

  /** 1: painting every patch in its mean colour, where normalised pixels are the target; less for flat patches. */
  chance(): number {
    return 1
  }

  override prepare(step: number): void {
    this.mask.prepare(step)
  }
}
