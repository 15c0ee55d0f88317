import type { Module } from '../nn/module.js'
import { ntXent } from '../ops/ntXent.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { embedTogether } from './embedTogether.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'

export interface SimCLROptions {
  /** T of NT-Xent: 0.5 for CIFAR-10, 0.1 for ImageNet in the official code. */
  readonly temperature: number
  /** The two views of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
  /**
   * The batch goes through the network in so many parts, with the memory of one and the exact loss over all (gradient
   * caching, Gao et al., 2021, https://arxiv.org/abs/2101.06983); batch norm then sees one part at a time, as on so many
   * devices without synchronisation. @default 1
   */
  readonly chunks?: number
}

/**
 * SimCLR: a simple framework for contrastive learning of visual representations (Chen et al., 2020,
 * https://arxiv.org/abs/2002.05709). Two views of every image; each must find the other among all 2B − 1 views of the
 * batch (NT-Xent, equation 1).
 */
export class SimCLR extends Method {
  readonly name = 'simclr'
  readonly views: ViewPlan
  readonly modules: Readonly<Record<string, Module>>

  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    readonly options: SimCLROptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.modules = { encoder, projector }
  }

  loss({ views: [a, b] }: Batch): MethodOutput {
    const { temperature, chunks } = this.options
    const { z, ...output } = embedTogether(this.encoder, this.projector, [a!, b!], chunks)
    return { loss: ntXent(z, temperature), ...output }
  }

  /** log(2B − 1): all similarities equal. */
  chance(batch: number): number {
    return Math.log(2 * batch - 1)
  }
}
