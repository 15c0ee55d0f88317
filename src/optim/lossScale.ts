import type { Device, Slice } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import type { Arena } from '../nn/arena.js'
import { full, zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** found = 1 where one of `count` vec4s has a number that is infinite or not a number. */
    findOverflow: { gradients: Slice; found: Slice; count: number }
    /**
     * Where found: factor = 0, scale is halved, goodSteps = 0. Else factor = 1 / scale, and after `interval` such steps in
     * a row scale is doubled. found = 0 again.
     */
    advanceLossScale: { found: Slice; scale: Slice; goodSteps: Slice; factor: Slice; interval: number }
  }
}

implement('findOverflow', ({ gradients, found, count }, target) => [
  { kernel: 'find_overflow', bindings: [gradients, found], ...stream(count, target), work: 4 * count },
])

implement('advanceLossScale', ({ found, scale, goodSteps, factor, interval }) => [
  {
    kernel: 'advance_loss_scale',
    bindings: [found, scale, goodSteps, factor],
    params: { interval },
    grid: [1, 1, 1],
    work: 1,
  },
])

export interface LossScaleOptions {
  /** The first scale: a power of two from 2⁻¹²⁶ to 2¹²⁶. @default 65,536 */
  readonly initial?: number
  /** Steps without an overflow after which the scale is doubled. @default 2,000 */
  readonly interval?: number
}

/**
 * A factor of the loss that keeps small gradients from becoming zeros in float16 (Micikevicius et al., 2018,
 * https://arxiv.org/abs/1710.03740), with the rule and the defaults of PyTorch's GradScaler: a step whose gradients are
 * not all finite changes neither parameters nor moments and halves the scale, 2,000 steps without one double it. What
 * else belongs to a step goes on: running statistics, targets, schedules, the step that Adam corrects its bias with.
 *
 * Everything is decided on the device: a recorded step skips without the host's knowledge. Powers of two round nothing,
 * so that where nothing over- or underflows the bits are those of a step without a scale.
 *
 *   gradients.gatherInto(gradientsOf(loss, tensors, { seed: lossScale.scale }))
 *   lossScale.judge(gradients)
 *   optimizer.step(lossScale)
 */
export class LossScale {
  /** A scalar: the seed of the gradients. */
  readonly scale: Tensor
  /** What gradients are multiplied by: 1 / scale, or 0 where the step is to be skipped. */
  readonly factor: Tensor
  private readonly goodSteps: Tensor
  private readonly found: Tensor
  private readonly interval: number

  /** @throws ConfigError for a scale that is no such power of two, or an interval that is not a whole number above 0 */
  constructor(
    private readonly device: Device,
    { initial = 65_536, interval = 2000 }: LossScaleOptions = {},
  ) {
    const exponent = Math.log2(initial)
    if (!Number.isInteger(exponent) || Math.abs(exponent) > 126) {
      throw new ConfigError(`LossScale: initial wants a power of two from 2^-126 to 2^126, got ${initial}`)
    }
    if (!Number.isInteger(interval) || interval < 1) {
      throw new ConfigError(`LossScale: interval wants a whole number of at least 1, got ${interval}`)
    }
    this.interval = interval
    this.scale = keep(full([], initial, { device }))
    this.factor = keep(zeros([], { device }))
    this.goodSteps = keep(zeros([], { dtype: 'uint32', device }))
    this.found = keep(zeros([], { dtype: 'uint32', device }))
  }

  /** Decides about a step by its scaled gradients, and about the next one's scale: a launch a page and a small one. */
  judge(gradients: Arena): void {
    const { device, found, scale, goodSteps, factor, interval } = this
    for (const { slice, bytes } of gradients.pages) {
      device.launch({ op: 'findOverflow', gradients: slice, found: found.slice, count: bytes / 16 })
    }
    const operands = { found: found.slice, scale: scale.slice, goodSteps: goodSteps.slice, factor: factor.slice }
    device.launch({ op: 'advanceLossScale', ...operands, interval })
  }

  /** What a checkpoint must hold. */
  state(): [string, Tensor][] {
    return [
      ['scale', this.scale],
      ['goodSteps', this.goodSteps],
    ]
  }

  dispose(): void {
    for (const tensor of [this.scale, this.factor, this.goodSteps, this.found]) tensor.dispose()
  }
}
