import type { Slice } from '../device/device.js'
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
    /** Over a page of `count` vec4s; hyper = [lr, λ, μ]. */
    sgd: {
      parameters: Slice
      momentum: Slice
      gradients: Slice
      hyper: Slice
      count: number
      nesterov: boolean
    } & Scaled
  }
}

implement('sgd', ({ parameters, momentum, gradients, hyper, scaling, count, nesterov }, target) => {
  const walk = stream(count, target)
  return [
    {
      ...walk,
      kernel: 'sgd',
      parameters: { ...walk.parameters, NESTEROV: Number(nesterov), SCALED: Number(scaling !== undefined) },
      bindings: [parameters, momentum, gradients, hyper, ...(scaling ? [scaling] : [])],
      work: 4 * count,
    },
  ]
})

export interface SGDOptions extends OptimizerOptions {
  /** μ. @default 0 */
  readonly momentum?: number
  /** @default false */
  readonly nesterov?: boolean
}

/**
 * Gradient descent with momentum, as PyTorch has it: g' = g + λ·w, v = μ·v + g', w −= lr·v (with `nesterov`,
 * w −= lr·(g' + μ·v)). The learning rate is outside the momentum: a change of rate acts on old gradients too.
 */
export class SGD extends Optimizer {
  protected readonly moments: { readonly momentum: Arena }
  private readonly momentum: number
  private readonly nesterov: boolean

  /** @throws ConfigError for a momentum that is not from 0 to below 1. */
  constructor(parameters: Arena, gradients: Arena, { momentum = 0, nesterov = false, ...options }: SGDOptions = {}) {
    super(parameters, gradients, options)
    wantFraction('SGD: momentum', momentum)
    this.momentum = momentum
    this.nesterov = nesterov
    this.moments = { momentum: parameters.like() }
  }

  protected hyperOf(group: Group, values: StepValues): number[] {
    return [group.rate(values), group.decay(values), this.momentum]
  }

  protected update({ index, ...page }: OptimizerPage): void {
    const momentum = this.moments.momentum.pages[index]!.slice
    const { nesterov } = this
    this.parameters.device.launch({ op: 'sgd', ...page, momentum, nesterov })
  }
}
