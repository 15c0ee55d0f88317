import type { Linear } from '../nn/linear.js'
import { add, div, maximum, mul, sqrt } from '../ops/elementwise.js'
import { assign, concat } from '../ops/shape.js'
import { sum } from '../ops/sum.js'
import { tensor } from '../tensor/create.js'
import { keep, scope } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { BYOL, type BYOLNetworks, type BYOLOptions } from './byol.js'
import { Correlation } from './correlation.js'

export interface DirectCopyOptions extends BYOLOptions {
  /** ρ: what is kept of the correlation at each step. */
  readonly correlationMomentum: number
  /** ε: what is added to the diagonal. */
  readonly epsilon: number
  /**
   * Whether F is divided by its norm, so that ε is relative to it as it is in DirectPred (Wang et al.); Frobenius' norm here,
   * which needs no eigenvalue. `false`: F as it is, as in the code of DirectPred's authors.
   */
  readonly normalised: boolean
}

/**
 * DirectCopy: towards demystifying representation learning with non-contrastive self-supervision (Wang, Chen, Du & Tian,
 * 2021, https://arxiv.org/abs/2110.04947): DirectPred without its eigendecomposition. The predictor is a copy of the
 * correlation of what it is applied to, set after every step by the device, which the host never waits for.
 */
export class DirectCopy extends BYOL {
  override readonly name = 'directcopy'
  private readonly correlation: Correlation
  /** ε·I */
  private readonly lift: Tensor

  constructor(
    override readonly networks: BYOLNetworks & { readonly predictor: Linear },
    override readonly options: DirectCopyOptions,
  ) {
    super(networks, options)
    const { shape, device, size } = networks.predictor.weight
    const d = shape[0]!
    this.correlation = new Correlation(d, options.correlationMomentum, device)
    const diagonal = Float32Array.from({ length: size }, (_, at) => (at % (d + 1) === 0 ? options.epsilon : 0))
    this.lift = keep(tensor(diagonal, { shape, device }))
  }

  override prepare(step: number): void {
    super.prepare(step)
    this.correlation.prepare(step)
  }

  protected override observe(projections: readonly [Tensor, Tensor]): void {
    this.correlation.add(concat(projections, 0))
  }

  /** W_p = F / ‖F‖ + ε·I, then the target moves. */
  override afterStep(): void {
    const { matrix } = this.correlation
    noGrad(() =>
      scope(() => {
        const norm = maximum(sqrt(sum(mul(matrix, matrix))), 1e-12)
        const copied = this.options.normalised ? div(matrix, norm) : matrix
        assign(this.networks.predictor.weight, add(copied, this.lift))
      }),
    )
    super.afterStep()
  }

  override state(): readonly (readonly [string, Tensor])[] {
    return [...super.state(), ['correlation', this.correlation.matrix]]
  }
}
