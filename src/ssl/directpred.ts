import type { Linear } from '../nn/linear.js'
import { concat } from '../ops/shape.js'
import { eigh64 } from '../tensor/linalg.js'
import type { Tensor } from '../tensor/tensor.js'
import { BYOL, type BYOLNetworks, type BYOLOptions } from './byol.js'
import { Correlation } from './correlation.js'

export interface EigenvalueRule {
  /** ε of equation 18: how much small eigenvalues are lifted, relative to the largest. */
  readonly epsilon: number
  /**
   * `paper`: pⱼ = √sⱼ + ε·maxⱼ sⱼ. `code` (`boost_scale`): pⱼ = √(sⱼ / maxⱼ sⱼ) + ε, at least 1e-4, so that ε is relative to
   * √(maxⱼ sⱼ) and W_p's scale, of which the loss knows nothing, is always about 1.
   */
  readonly scaling: 'paper' | 'code'
}

export interface DirectPredOptions extends BYOLOptions, EigenvalueRule {
  /** ρ: what is kept of the correlation at each step. */
  readonly correlationMomentum: number
  /** n: the predictor is set after steps 0, n, 2n, … and follows its gradient in between. */
  readonly every: number
}

/**
 * DirectPred: understanding self-supervised learning dynamics without contrastive pairs (Tian, Chen & Ganguli, 2021,
 * https://arxiv.org/abs/2102.06810): BYOL with one linear layer as predictor, which is not learned but set to a function
 * of the correlation F of what it is applied to, because that is where learning would take it.
 */
export class DirectPred extends BYOL {
  override readonly name = 'directpred'
  private readonly correlation: Correlation

  constructor(
    override readonly networks: BYOLNetworks & { readonly predictor: Linear },
    override readonly options: DirectPredOptions,
  ) {
    super(networks, options)
    const { weight } = networks.predictor
    this.correlation = new Correlation(weight.shape[0]!, options.correlationMomentum, weight.device)
  }

  override prepare(step: number): void {
    super.prepare(step)
    this.correlation.prepare(step)
  }

  /** F counts the projections of both views, as they are: neither centred nor of length 1. */
  protected override observe(projections: readonly [Tensor, Tensor]): void {
    this.correlation.add(concat(projections, 0))
  }

  /** Equation 18, on the host in float64, after the optimiser's step. */
  override async betweenSteps(step: number): Promise<void> {
    if (step % this.options.every !== 0) return
    const { weight } = this.networks.predictor
    const correlation = Float64Array.from(await this.correlation.matrix.data())
    weight.write(Float32Array.from(directPredictor(correlation, weight.shape[0]!, this.options)))
  }

  override state(): readonly (readonly [string, Tensor])[] {
    return [...super.state(), ['correlation', this.correlation.matrix]]
  }
}

/** W_p [d, d] = U·diag(p)·Uᵀ from F [d, d] = U·diag(s)·Uᵀ, row major (equation 18). */
export function directPredictor(correlation: Float64Array, d: number, { epsilon, scaling }: EigenvalueRule) {
  const { values, vectors } = eigh64(correlation, d)
  const s = values.map(value => Math.max(value, 0))
  const most = s[d - 1]!
  const p = s.map(value =>
    scaling === 'paper'
      ? Math.sqrt(value) + epsilon * most
      : Math.max(1e-4, Math.sqrt(most > 0 ? value / most : 0) + epsilon),
  )
  return Float64Array.from({ length: d * d }, (_, at) => {
    const [row, column] = [Math.floor(at / d), at % d]
    return p.reduce((sum, value, k) => sum + value * vectors[row * d + k]! * vectors[column * d + k]!, 0)
  })
}
