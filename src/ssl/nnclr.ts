import type { Module } from '../nn/module.js'
import { add, mul } from '../ops/elementwise.js'
import { gatherRows } from '../ops/gatherRows.js'
import { l2normalize } from '../ops/normalize.js'
import { reshape } from '../ops/shape.js'
import { similarityTopK } from '../ops/topk.js'
import { stopGradient } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { inBatchContrast } from './losses/inBatchContrast.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'
import type { Queue } from './queue.js'

export interface NNCLROptions {
  /** T: 0.1 in the paper. */
  readonly temperature: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

type Networks = { readonly encoder: Encoder; readonly projector: Module; readonly predictor: Module }

/**
 * NNCLR: with a little help from my friends, nearest-neighbour contrastive learning (Dwibedi et al., 2021,
 * https://arxiv.org/abs/2104.14548). In the place of an embedding z stands its nearest neighbour NN(z) among those of
 * earlier batches, the support set Q; the prediction p from the other view must find it among the batch's (equation 3):
 *
 *   ½ CE(NN(z1)·p2ᵀ / T) + ½ CE(NN(z2)·p1ᵀ / T)
 *
 * Q is updated after the step, with the embeddings of the first view.
 */
export class NNCLR extends Method {
  readonly name = 'nnclr'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  private latest: Tensor | undefined

  constructor(
    readonly networks: Networks,
    readonly queue: Queue,
    readonly options: NNCLROptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.encoder = networks.encoder
    this.modules = networks
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const [first, second] = [this.embed(a!), this.embed(b!)]
    const { temperature } = this.options
    const forward = inBatchContrast(this.neighbours(first.z), second.p, temperature)
    const back = inBatchContrast(this.neighbours(second.z), first.p, temperature)
    this.latest = stopGradient(first.z)
    return { loss: mul(add(forward, back), 0.5), embedding: first.z, positives: second.z, features: first.features }
  }

  /** z and p [B, D] of one view, rows of length 1. */
  private embed(view: Tensor): { features: Tensor; z: Tensor; p: Tensor } {
    const { encoder, projector, predictor } = this.networks
    const features = encoder.forward(view)
    const projected = projector.forward(features)
    return { features, z: l2normalize(projected), p: l2normalize(predictor.forward(projected)) }
  }

  /** The row of Q most like each row of z [B, D]; no gradient. */
  private neighbours(z: Tensor): Tensor {
    const { indices } = similarityTopK(stopGradient(z), this.queue.pages, 1)
    return gatherRows(this.queue.pages, reshape(indices, [z.shape[0]!]))
  }

  /** log B: all similarities equal. */
  chance(batch: number): number {
    return Math.log(batch)
  }

  override prepare(step: number): void {
    this.queue.prepare(step)
  }

  override afterStep(): void {
    this.queue.enqueue(this.latest!)
  }

  override state(): [string, Tensor][] {
    return this.queue.state()
  }
}
