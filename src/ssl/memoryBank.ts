import { add, mul } from '../ops/elementwise.js'
import { gatherRows } from '../ops/gatherRows.js'
import { l2normalize } from '../ops/normalize.js'
import { scatterRows } from '../ops/scatterRows.js'
import type { Generator } from '../tensor/philox.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { type PagesOptions, pagesOf } from './pages.js'

/** `size` is N, the images of the data set. */
export interface MemoryBankOptions extends PagesOptions {
  /** What is kept of a row when its image comes again: 0.5. */
  readonly momentum: number
  readonly generator: Generator
}

/**
 * One embedding for every image of the data set, V [N, D] (Wu et al., 2018, section 3.1), on pages that a binding holds.
 * Begins with U(±1/√(D/3)), as the official code does, which does not normalise it.
 */
export class MemoryBank {
  readonly pages: readonly Tensor[]

  constructor(readonly options: MemoryBankOptions) {
    const { dimension, generator } = options
    const bound = 1 / Math.sqrt(dimension / 3)
    this.pages = pagesOf(options, () => Array.from({ length: dimension }, () => generator.uniform(-bound, bound)))
  }

  /** The rows of images `indices` [B]: [B, D]. */
  rows(indices: Tensor): Tensor {
    return gatherRows(this.pages, indices)
  }

  /** v ← norm(m·v + (1 − m)·ẑ) for the images of a batch; part of the recorded step. */
  update(indices: Tensor, z: Tensor): void {
    const { momentum } = this.options
    noGrad(() => {
      const moved = add(mul(this.rows(indices), momentum), mul(z, 1 - momentum))
      scatterRows(this.pages, l2normalize(moved), indices)
    })
  }

  /** The pages by name, for checkpoints. */
  state(): [string, Tensor][] {
    return this.pages.map((page, i) => [`bank.${i}`, page])
  }
}
