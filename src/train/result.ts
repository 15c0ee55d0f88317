/** What a run and an evaluation end with. Field names are those of `result.json`. */
import type { LabelBudget } from '../data/sampler.js'
import type { Compilation } from '../device/device.js'
import { SelfsameError } from '../device/errors.js'
import type { Verdict } from '../eval/diagnostics.js'
import type { Config } from './config.js'
import type { Log } from './log.js'

export interface RunOptions {
  /** The run's folder. */
  readonly out: string
  /** Go on from the newest good checkpoint in `out`, or start where there is none. */
  readonly resume: boolean
  /** What an earlier run left in `out` is removed first. */
  readonly overwrite: boolean
  /** End with a CollapseError, after a checkpoint, as soon as all embeddings are alike. @default false */
  readonly stopOnCollapse?: boolean
  /** Throughput only: two steps of warm-up, no evaluation, timed to a drained queue. */
  readonly bench: boolean
  readonly log: Log
  /** Aborted by SIGINT and SIGTERM: the step is finished, a checkpoint written, `InterruptedError` thrown. */
  readonly signal?: AbortSignal
}

/** Accuracies on the test split, from 0 to 1; `null` where it was not measured or there are no labels. */
export interface Scores {
  readonly knn: number | null
  readonly linear: number | null
}

/** What was known at the end of an epoch; `null` where it was not measured. */
export interface CurvePoint {
  /** Epochs and steps done. */
  readonly epoch: number
  readonly step: number
  /** Means over the epoch: of the loss, and of the standard deviation of ẑ over its dimensions. */
  readonly loss: number
  readonly deviation: number
  readonly rank: number | null
  readonly knn: number | null
}

export interface Result extends Scores {
  readonly method: string
  readonly data: string
  readonly encoder: string
  readonly device: string
  /** The adapter's own name, for example `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly adapter: string
  readonly software: boolean
  readonly epochs: number
  readonly steps: number
  readonly batch: number
  readonly seed: number
  /** Source images, timed to a drained queue; `null` where no step was left to time after the warm-up. */
  readonly images_per_s: number | null
  /** All steps at that rate: neither evaluation nor checkpoints. */
  readonly training_seconds: number | null
  /** Mean over the first and the last epoch. */
  readonly loss_first: number
  readonly loss_last: number
  /** The loss of a method that knows nothing. */
  readonly loss_chance: number
  readonly baselines: { readonly pixels: Scores; readonly untrained: Scores }
  /**
   * How often the method solves its own task (a turn, a position, a class) on the test split, from 0 to 1; `null` where
   * the task cannot be asked of other images than those trained on, or was not.
   */
  readonly pretext_accuracy: number | null
  /** Means over the last epoch of the method's own metrics, by name. */
  readonly metrics: Readonly<Record<string, number>>
  /** ẑ of the last step; `null` where it was not looked at. */
  readonly embedding: {
    readonly verdict: Verdict
    readonly deviation: number
    readonly full_deviation: number
    readonly effective_rank: number
    readonly uniformity: number
    readonly alignment: number | null
    readonly dimension: number
  } | null
  /** The most that the device's pool held in training; `null` where no step was left to run. */
  readonly peak_bytes: number | null
  /** Kernels compiled from the run's beginning to its end, evaluation included; `null` where nothing is compiled. */
  readonly compilation: Compilation | null
  /** One point an epoch. */
  readonly curve: readonly CurvePoint[]
  /** Of all parameters and buffers at the end (`parametersHash`). */
  readonly parameters_sha256: string
  readonly config: Config
}

export type EvaluationKind = 'knn' | 'linear' | 'kmeans' | 'finetune'

export interface EvaluationOptions {
  /** The folder of a run. */
  readonly run: string
  readonly kind: EvaluationKind
  /** Another data set than the run's own. */
  readonly data?: string
  readonly device: 'auto' | 'webgpu' | 'cpu'
  readonly adapter?: 'hardware' | 'software'
  /** k and temperature of k-NN, instead of the run's own. */
  readonly neighbours?: number
  readonly temperature?: number
  /** k of k-means, instead of the number of classes. */
  readonly clusters?: number
  /** What fine-tuning cannot do without: how many labels it gets. */
  readonly labels?: LabelBudget
  readonly epochs?: number
  readonly batch?: number
  readonly learningRate?: number
  /** Of k-means and fine-tuning, instead of the run's own. */
  readonly seed?: number
  readonly log: Log
}

/** One evaluation, of the trained encoder and of what it must beat. */
export interface EvaluationResult {
  readonly run: string
  readonly kind: EvaluationKind
  readonly method: string
  readonly data: string
  readonly encoder: string
  readonly step: number
  readonly accuracy: number
  /** `pixels` is `null` where an encoder is trained. */
  readonly baselines: { readonly pixels: number | null; readonly untrained: number }
  /** Of k-means: normalised mutual information of clusters and classes. */
  readonly nmi?: { readonly trained: number; readonly pixels: number; readonly untrained: number }
  /** Of fine-tuning: what it was done with. */
  readonly labels?: number
  readonly epochs?: number
  readonly batch?: number
  readonly seed?: number
}

/** All embeddings became alike, and the run was told to end then (`--stop-on-collapse`). */
export class CollapseError extends SelfsameError {
  constructor(
    readonly step: number,
    sentence: string,
  ) {
    super(`stopped after step ${step}, because the representation is ${sentence}`)
  }
}

/** The run was told to stop; what it had is in its newest checkpoint. */
export class InterruptedError extends SelfsameError {
  constructor(
    readonly step: number,
    readonly out: string,
    goOn = `selfsame train --resume --out ${out}`,
  ) {
    super(`stopped after step ${step}; go on with: ${goOn}`)
  }
}
