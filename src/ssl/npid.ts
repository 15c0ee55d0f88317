import type { Module } from '../nn/module.js'
import { bankSoftmax } from '../ops/bankSoftmax.js'
import { cast } from '../ops/cast.js'
import { add, mul } from '../ops/elementwise.js'
import { logNormaliserOf, nce } from '../ops/nce.js'
import { l2normalize } from '../ops/normalize.js'
import { randomUniform, reserve } from '../ops/random.js'
import { assign } from '../ops/shape.js'
import { zeros } from '../tensor/create.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { stopGradient } from '../tensor/tape.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { proximal } from './losses/proximal.js'
import type { MemoryBank } from './memoryBank.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface NPIDOptions {
  /** τ: 0.07 for ImageNet, 0.1 for CIFAR-10. */
  readonly temperature: number
  /** m: negatives an image for noise-contrastive estimation; 0 for the full softmax over the bank. */
  readonly negatives: number
  /** λ of the proximal term (equation 8), which is in the paper and not in the official code; 0 leaves it out. */
  readonly proximal: number
  readonly view: ViewSpec
}

/**
 * Instance Discrimination: unsupervised feature learning via non-parametric instance discrimination (Wu, Xiong, Yu &
 * Lin, 2018, https://arxiv.org/abs/1805.01978). Every image is a class of its own: its embedding must be most similar to
 * its own row of a memory bank, P(i | v) = exp(v_i·v / τ) / Z (equation 2). Rows follow the embeddings slowly.
 */
export class NPID extends Method {
  readonly name = 'npid'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>
  /** log Z of equation 7: estimated from the first batch, and constant from then on, as in the official code. */
  private readonly logNormaliser: Tensor
  private readonly noise: Tensor
  private latest: { readonly indices: Tensor; readonly z: Tensor } | undefined
  private step = 0

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly bank: MemoryBank,
    /** Of the negatives. */
    readonly generator: Generator,
    readonly options: NPIDOptions,
  ) {
    super()
    const { device } = bank.options
    this.views = independentViews([options.view])
    this.modules = { encoder, projector }
    this.logNormaliser = keep(zeros([], { device }))
    this.noise = keep(empty([6], 'uint32', device))
  }

  /** `indices` [B] say which row of the bank is each image's own. The loss sees the bank as it was before the step. */
  loss({ views: [view], indices }: Batch): MethodOutput {
    const { temperature, negatives, proximal: weight } = this.options
    const features = this.encoder.forward(view!)
    const z = l2normalize(this.projector.forward(features))
    const before = this.bank.rows(indices)
    const discriminate =
      negatives > 0 ? this.noiseContrast(z, indices) : bankSoftmax(z, indices, this.bank.pages, temperature)
    this.latest = { indices, z: stopGradient(z) }
    return {
      loss: weight > 0 ? add(discriminate, mul(proximal(z, before), weight)) : discriminate,
      embedding: z,
      positives: l2normalize(before),
      features,
    }
  }

  /** Equation 7: the image's own row must be told from m rows drawn evenly from all N. */
  private noiseContrast(z: Tensor, indices: Tensor): Tensor {
    const { temperature, negatives } = this.options
    const { pages } = this.bank
    const drawn = cast(mul(randomUniform([z.shape[0]!, negatives], this.noise), this.bank.options.size), 'int32')
    if (this.variant(this.step) === FIRST) {
      assign(this.logNormaliser, logNormaliserOf(z, pages, drawn, temperature))
    }
    return nce(z, pages, indices, drawn, { temperature, logNormaliser: this.logNormaliser })
  }

  /**
   * log N for the full softmax: all rows are alike. For noise-contrastive estimation with P = 1/N, as Z makes it on
   * average: log(1 + m) + m·log(1 + 1/m).
   */
  chance(): number {
    const { negatives: m } = this.options
    return m > 0 ? Math.log(1 + m) + m * Math.log1p(1 / m) : Math.log(this.bank.options.size)
  }

  override variant(step: number): string {
    return this.options.negatives > 0 && step === 0 ? FIRST : ''
  }

  override prepare(step: number): void {
    this.step = step
    const { negatives } = this.options
    if (negatives > 0) this.noise.write(reserve(this.generator.split(step), negatives))
  }

  override afterStep(): void {
    const { indices, z } = this.latest!
    this.bank.update(indices, z)
  }

  override state(): [string, Tensor][] {
    return [...this.bank.state(), ['logNormaliser', this.logNormaliser]]
  }
}

const FIRST = 'first'
