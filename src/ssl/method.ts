import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ViewSpec } from '../views/spec.js'

/** A module that turns images [N, H, W, C] into features [N, featureDimension]. */
export interface Encoder extends Module {
  readonly featureDimension: number
}

/** What a method makes of the views of one batch. */
export interface MethodOutput {
  /** The scalar to be minimised. */
  readonly loss: Tensor
  /** ẑ, the normalised embeddings [rows, dimension] that are watched for collapse. */
  readonly embedding: Tensor
}

/**
 * A self-supervised method: the views it wants, a loss over them, and what happens around an optimiser step. Its
 * trainable modules are `modules`, by the names that their parameters get in a checkpoint.
 */
export abstract class Method {
  abstract readonly name: string
  /** One per view of an image; the batch is augmented once for each. */
  abstract readonly views: readonly ViewSpec[]
  /** What is kept after training, and evaluated. */
  abstract readonly encoder: Encoder
  abstract readonly modules: Readonly<Record<string, Module>>

  /** @param views one tensor [B, H, W, C] for each entry of `views` */
  abstract loss(views: readonly Tensor[]): MethodOutput

  /** The loss of a method that knows nothing, for a batch of B images: what to hold a curve against. */
  abstract chance(batch: number): number

  /** Host values that a step needs, written before it runs. */
  prepare(_step: number): void {}

  /** Launches after the optimiser's step: EMA, queue, bank. Part of the recorded step. */
  afterStep(): void {}

  /** Tensors beside parameters and buffers that a checkpoint must hold. */
  state(): readonly (readonly [string, Tensor])[] {
    return []
  }
}
