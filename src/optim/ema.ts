import type { Slice } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import type { Arena } from '../nn/arena.js'
import { zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** target = hyper[0]·target + hyper[1]·source over a page of `count` vec4s. */
    ema: { target: Slice; source: Slice; hyper: Slice; count: number }
  }
}

implement('ema', ({ target: moving, source, hyper, count }, target) => [
  {
    kernel: 'ema',
    bindings: [moving, source, hyper],
    ...stream(count, target),
    work: 4 * count,
  },
])

/**
 * An exponential moving average of an arena: target = m·target + (1 − m)·source, one launch a page (Tarvainen &
 * Valpola, 2017, https://arxiv.org/abs/1703.01780). Like an optimiser, `prepare` writes and `step` launches.
 */
export class EMA {
  private readonly hyper: Tensor

  /** @throws ShapeError when the arenas differ in layout. */
  constructor(
    readonly target: Arena,
    readonly source: Arena,
  ) {
    target.wantSameLayout('EMA', source)
    this.hyper = keep(zeros([2], { device: target.device }))
  }

  /** Writes the momentum of the next steps: 1 leaves the target alone, 0 makes it a copy of the source. */
  prepare(momentum: number): void {
    if (!(momentum >= 0 && momentum <= 1))
      throw new ConfigError(`EMA: momentum wants a number from 0 to 1, got ${momentum}`)
    this.hyper.write(Float32Array.of(momentum, 1 - momentum))
  }

  step(): void {
    const hyper = this.hyper.slice
    this.target.pages.forEach(({ slice, bytes }, i) => {
      const source = this.source.pages[i]!.slice
      this.target.device.launch({ op: 'ema', target: slice, source, hyper, count: bytes / 16 })
    })
  }

  dispose(): void {
    this.hyper.dispose()
  }
}
