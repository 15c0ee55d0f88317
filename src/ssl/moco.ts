import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { add, mul } from '../ops/elementwise.js'
import { infoNCE } from '../ops/infoNCE.js'
import { l2normalize } from '../ops/normalize.js'
import { concat } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import type { BatchShuffle } from './batchShuffle.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'
import type { Queue } from './queue.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface MoCoOptions {
  /** T: 0.07 for v1, 0.2 for v2, 0.1 in the official CIFAR-10 demonstration. */
  readonly temperature: number
  /** Whether each view is a query once and a key once: the demonstration's option, of about twice the epochs' worth. */
  readonly symmetric: boolean
  /** The two views of every image: the query's and the key's. */
  readonly views: readonly [ViewSpec, ViewSpec]
}

type Networks = { readonly encoder: Encoder; readonly projector: Module }

/**
 * MoCo: momentum contrast for unsupervised visual representation learning (He et al., 2020,
 * https://arxiv.org/abs/1911.05722), and with an MLP for a projector, more augmentation and a cosine schedule MoCo v2
 * (Chen et al., 2020, https://arxiv.org/abs/2003.04297).
 *
 * A query must find the key of the other view of its image (InfoNCE, equation 1) among the K keys of earlier batches.
 * Keys come from a momentum encoder (equation 2).
 */
export class MoCo extends Method {
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  private keys: Tensor | undefined

  constructor(
    readonly name: string,
    readonly online: Networks,
    readonly target: TargetNetwork<Networks>,
    readonly queue: Queue,
    /** Of the keys, for split batch norm; without it keys and queries keep their order. */
    readonly shuffle: BatchShuffle | undefined,
    readonly options: MoCoOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.encoder = online.encoder
    this.modules = online
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const { symmetric, temperature } = this.options
    const features = this.encoder.forward(a!)
    const query = l2normalize(this.online.projector.forward(features))
    const key = this.keyOf(b!)
    const contrast = (q: Tensor, k: Tensor) => infoNCE(q, k, this.queue.pages, temperature)
    if (!symmetric) {
      this.keys = key
      return { loss: contrast(query, key), embedding: query, positives: key, features }
    }
    const other = this.keyOf(a!)
    const back = contrast(l2normalize(this.online.projector.forward(this.encoder.forward(b!))), other)
    this.keys = concat([key, other], 0)
    return { loss: mul(add(contrast(query, key), back), 0.5), embedding: query, positives: key, features }
  }

  private keyOf(view: Tensor): Tensor {
    return this.target.forward(({ encoder, projector }) => {
      const embed = (x: Tensor) => l2normalize(projector.forward(encoder.forward(x)))
      return this.shuffle ? this.shuffle.apply(view, embed) : embed(view)
    })
  }

  /** log(K + 1): all similarities equal. */
  chance(): number {
    return Math.log(this.queue.size + 1)
  }

  override attach(model: ModelState): void {
    this.target.attach(model)
  }

  override prepare(step: number): void {
    this.target.prepare(step)
    this.queue.prepare(step)
    this.shuffle?.prepare(step)
  }

  /** The official code moves the target before it makes the keys of a step: the same, but for the name of the step. */
  override afterStep(): void {
    this.target.update()
    this.queue.enqueue(this.keys!)
  }

  override state(): [string, Tensor][] {
    return [...this.target.state(), ...this.queue.state()]
  }
}
