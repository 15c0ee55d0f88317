import type { Encoder } from '../nn/encoders.js'
import type { Module } from '../nn/module.js'
import type { ModelState, ParameterGroup } from '../nn/state.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ViewPlan } from '../views/plan.js'

export type { Encoder }

/** What a step gives a method: B images, each in several views. */
export interface Batch {
  /** One tensor [B, H, W, C] for each view of the method's plan. */
  readonly views: readonly Tensor[]
  /** int32 [B]: which image of the data set each one is. */
  readonly indices: Tensor
  /** int32 [B]: its class, −1 where that is not known. */
  readonly labels: Tensor
  /** int32 [B] or [B, k]: what the views' plan asks for; absent where it asks for nothing. */
  readonly targets?: Tensor
}

/** What a method makes of one batch. */
export interface MethodOutput {
  /** The scalar to be minimised. */
  readonly loss: Tensor
  /** ẑ, normalised embeddings [B, D] of one view of every image: watched for collapse. */
  readonly embedding: Tensor
  /** [B, D]: in row i another view of the image of row i of `embedding`. */
  readonly positives?: Tensor
  /** The encoder's features [B, featureDimension] of one view, for a probe that learns along. */
  readonly features?: Tensor
  /** Scalars by the names in `metricNames`. */
  readonly metrics?: Readonly<Record<string, Tensor>>
}

/** Parameters that the optimiser treats in a way of their own. */
export interface MethodGroup {
  /** Of the names of parameters, `predictor.`: those are in the group; all of them are for ''. */
  readonly prefix: string
  /** Which of them the settings are for: weights (`decay`) or biases and norms (`noDecay`). @default both */
  readonly kind?: ParameterGroup
  /** From the step and the rate that all others have. @default the same */
  readonly learningRate?: (step: number, scheduled: number) => number
  /** @default that of the others */
  readonly weightDecay?: number
}

/**
 * A self-supervised method: the views it wants, a loss over them, and what happens around an optimiser step. Its
 * trainable modules are `modules`, by the names that their parameters get in a checkpoint.
 */
export abstract class Method {
  abstract readonly name: string
  abstract readonly views: ViewPlan
  /** What is kept after training, and evaluated. */
  abstract readonly encoder: Encoder
  abstract readonly modules: Readonly<Record<string, Module>>
  /** Networks beside `modules` that are not trained, a teacher's: they are in evaluation mode when `modules` are. */
  readonly companions: readonly Module[] = []
  /**
   * What images that were not trained on are shown as, where the method's task can be asked of them (a position, a class;
   * not which of the training images it is). `accuracy` is then among the metrics, and measured on the test split.
   */
  readonly heldOut: ViewPlan | undefined = undefined
  /** What to start again with where the loss is no number. */
  readonly remedy: string = 'a lower learning rate or a higher temperature'
  /** Scalars beside the loss that are worth a column in the log. */
  readonly metricNames: readonly string[] = []
  readonly groups: readonly MethodGroup[] = []

  abstract loss(batch: Batch): MethodOutput

  /** The loss of a method that knows nothing, for a batch of B images: what to hold a curve against. */
  abstract chance(batch: number): number

  /** Called once, when the trained parameters lie in their arena: the time to make copies of the same layout. */
  attach(_model: ModelState): void {}

  /** Host values that a step needs, written before it runs. */
  prepare(_step: number): void {}

  /**
   * A step that has other launches than its predecessors (a queue that is not in use yet, frozen prototypes) has another
   * name here. Each is recorded once.
   */
  variant(_step: number): string {
    return ''
  }

  /** Launches after the optimiser's step: EMA, queue, bank. Part of the recorded step. */
  afterStep(): void {}

  /** Work on the host between step `step` and the next, where the method has any: it waits for the device. */
  async betweenSteps(_step: number): Promise<void> {}

  /** Tensors beside parameters and buffers that a checkpoint must hold. */
  state(): readonly (readonly [string, Tensor])[] {
    return []
  }
}
