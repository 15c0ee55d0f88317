import type { Device } from '../device/device.js'
import { Arena } from '../nn/arena.js'
import { mul } from '../ops/elementwise.js'
import { matmul } from '../ops/matmul.js'
import { EMA } from '../optim/ema.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * A moving average of the uncentred correlation of vectors z [N, D]: F ← ρ·F + (1 − ρ)·mean z·zᵀ (Tian et al. 2021,
 * equation 19, https://arxiv.org/abs/2102.06810). The first batch is taken as it is, so that F does not begin too small.
 */
export class Correlation {
  /** F [D, D]. */
  readonly matrix: Tensor
  private readonly latest: Arena
  private readonly average: EMA

  /** @param momentum ρ: what is kept of F at each step */
  constructor(
    dimension: number,
    readonly momentum: number,
    device: Device,
  ) {
    const entry = { name: 'F', group: 'correlation', tensor: { shape: [dimension, dimension] } }
    this.latest = new Arena([entry], device)
    const average = this.latest.like()
    this.average = new EMA(average, this.latest)
    this.matrix = average.slot('F')
  }

  /** Writes ρ for a step. */
  prepare(step: number): void {
    this.average.prepare(step === 0 ? 0 : this.momentum)
  }

  /** Counts z [N, D] into F; part of the recorded step. */
  add(z: Tensor): void {
    noGrad(() => {
      const products = matmul(z, z, { transposeA: true, precision: 'float32' })
      this.latest.gatherInto([mul(products, 1 / z.shape[0]!)])
      this.average.step()
    })
  }
}
