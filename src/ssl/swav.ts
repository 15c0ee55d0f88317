import type { Linear } from '../nn/linear.js'
import type { Module } from '../nn/module.js'
import { matmul } from '../ops/matmul.js'
import { l2normalize } from '../ops/normalize.js'
import { assign, concat, slice, transpose } from '../ops/shape.js'
import { noGrad, stopGradient } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ViewPlan } from '../views/plan.js'
import { sinkhorn } from './losses/sinkhorn.js'
import { swappedPrediction } from './losses/swappedPrediction.js'
import { type Batch, type Encoder, Method, type MethodGroup, type MethodOutput } from './method.js'
import { encodeBySize } from './multiCrop.js'
import type { Queue } from './queue.js'

export interface SwAVOptions {
  /** T of the predictions: 0.1. */
  readonly temperature: number
  /** ε of the assignments: 0.05. */
  readonly epsilon: number
  /** Of Sinkhorn's algorithm: 3. */
  readonly iterations: number
  /** Steps during which the prototypes stay as they are: an epoch in the paper. (As for `DINOOptions.frozenSteps`.) */
  readonly frozenSteps: number
  /**
   * The first step that assigns with the queue's features too, once they are worth it: epoch 15 in the paper. Not before
   * it is full of features, as in the official code, which begins to fill it at that step; here it is filled from the first.
   */
  readonly queueFrom: number
  /** Two large views, then any number of small ones. */
  readonly views: ViewPlan
}

/**
 * SwAV: unsupervised learning of visual features by contrasting cluster assignments (Caron et al., 2020,
 * https://arxiv.org/abs/2006.09882). The assignment of one view to prototypes is predicted from another view
 * (equation 1); assignments come from the large views alone and are spread evenly (equation 3).
 */
export class SwAV extends Method {
  readonly name = 'swav'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  override readonly groups: readonly MethodGroup[]
  private step = 0
  private queued: readonly Tensor[] = []

  /** @param queues earlier embeddings of each large view, for batches much smaller than the number of prototypes */
  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    /** C: weight [D, K], without bias. */
    readonly prototypes: Linear,
    readonly queues: readonly [Queue, Queue] | undefined,
    readonly options: SwAVOptions,
  ) {
    super()
    this.views = options.views
    this.modules = { encoder, projector, prototypes }
    this.groups = [{ prefix: 'prototypes.', learningRate: (step, rate) => (step < options.frozenSteps ? 0 : rate) }]
    this.normalisePrototypes()
  }

  loss({ views }: Batch): MethodOutput {
    const { features, outputs } = encodeBySize(this.encoder, this.projector, views)
    const z = outputs.map(each => l2normalize(each))
    const scores = z.map(each => this.prototypes.forward(each))
    const assignments = [0, 1].map(large => this.assignment(large, scores[large]!))
    const loss = swappedPrediction(assignments, scores, this.options.temperature)
    this.queued = [stopGradient(z[0]!), stopGradient(z[1]!)]
    return { loss, embedding: z[0]!, positives: z[1]!, features: features[0]! }
  }

  /** Q of a large view [B, K]: of the batch's rows, with those of the queue beside them once it is in use. */
  private assignment(large: number, scores: Tensor): Tensor {
    const queue = this.usesQueue(this.step) ? this.queues?.[large as 0 | 1] : undefined
    if (!queue) return sinkhorn(scores, this.options)
    const [rows, prototypes] = scores.shape as [number, number]
    const earlier = noGrad(() => queue.pages.map(page => matmul(page, this.prototypes.weight)))
    const q = sinkhorn(concat([scores, ...earlier], 0), this.options)
    return slice(q, [0, 0], [rows, prototypes])
  }

  private usesQueue(step: number): boolean {
    return this.queues !== undefined && step >= this.options.queueFrom && this.queues[0].isFull(step)
  }

  /** log K: predictions that say nothing. */
  chance(): number {
    return Math.log(this.prototypes.weight.shape[1]!)
  }

  override prepare(step: number): void {
    this.step = step
    for (const queue of this.queues ?? []) queue.prepare(step)
  }

  override variant(step: number): string {
    return this.usesQueue(step) ? 'queue' : ''
  }

  override afterStep(): void {
    this.normalisePrototypes()
    this.queues?.forEach((queue, view) => {
      queue.enqueue(this.queued[view]!)
    })
  }

  /** Every prototype has length 1, as in the official code before each step. */
  private normalisePrototypes(): void {
    const { weight } = this.prototypes
    noGrad(() => {
      assign(weight, transpose(l2normalize(transpose(stopGradient(weight)))))
    })
  }

  override state(): [string, Tensor][] {
    return (this.queues ?? []).flatMap((queue, view) =>
      queue.state().map(([name, tensor]): [string, Tensor] => [`view${view}.${name}`, tensor]),
    )
  }
}
