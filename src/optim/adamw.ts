import type { Slice } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import type { Arena } from '../nn/arena.js'
import {
  type Group,
  Optimizer,
  type OptimizerOptions,
  type OptimizerPage,
  type Scaled,
  type StepValues,
  wantFraction,
} from './optimizer.js'

declare module '../device/launch.js' {
  interface Launches {
    /** Over a page of `count` vec4s; hyper = [lr·λ, lr / (1 − β1^t), 1 / √(1 − β2^t), ε, β1, 1 − β1, β2, 1 − β2]. */
    adamw: { parameters: Slice; mean: Slice; square: Slice; gradients: Slice; hyper: Slice; count: number } & Scaled
  }
}

implement('adamw', ({ parameters, mean, square, gradients, hyper, scaling, count }, target) => {
  const walk = stream(count, target)
  return [
    {
      ...walk,
      kernel: 'adamw',
      parameters: { ...walk.parameters, SCALED: Number(scaling !== undefined) },
      bindings: [parameters, mean, square, gradients, hyper, ...(scaling ? [scaling] : [])],
      work: 4 * count,
    },
  ]
})

export interface AdamWOptions extends OptimizerOptions {
  /** Decay of the mean of gradients and of their squares. @default [0.9, 0.999] */
  readonly betas?: readonly [number, number]
  /** Above 0. @default 1e-8 */
  readonly epsilon?: number
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter, 2017, https://arxiv.org/abs/1711.05101): the decay lr·λ·w is
 * not divided by the root of the second moment. Bias is corrected with the host's step, in float64.
 */
export class AdamW extends Optimizer {
  protected readonly moments: { readonly mean: Arena; readonly square: Arena }
  private readonly betas: readonly [number, number]
  private readonly epsilon: number

  /** @throws ConfigError for a beta that is not from 0 to below 1, or an epsilon that is not above 0. */
  constructor(
    parameters: Arena,
    gradients: Arena,
    { betas = [0.9, 0.999], epsilon = 1e-8, ...options }: AdamWOptions = {},
  ) {
    super(parameters, gradients, options)
    for (const beta of betas) wantFraction('AdamW: a beta', beta)
    if (!(epsilon > 0)) throw new ConfigError(`AdamW: epsilon wants a number above 0, got ${epsilon}`)
    this.betas = betas
    this.epsilon = epsilon
    this.moments = { mean: parameters.like(), square: parameters.like() }
  }

  protected hyperOf(group: Group, values: StepValues): number[] {
    const [beta1, beta2] = this.betas
    const { step } = values
    const rate = group.rate(values)
    const first = rate / (1 - beta1 ** (step + 1))
    const second = 1 / Math.sqrt(1 - beta2 ** (step + 1))
    return [rate * group.decay(values), first, second, this.epsilon, beta1, 1 - beta1, beta2, 1 - beta2]
  }

  protected update({ index, ...page }: OptimizerPage): void {
    const mean = this.moments.mean.pages[index]!.slice
    const square = this.moments.square.pages[index]!.slice
    this.parameters.device.launch({ op: 'adamw', ...page, mean, square })
  }
}
