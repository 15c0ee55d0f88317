import { Arena } from '../nn/arena.js'
import { copyInto } from '../nn/copyInto.js'
import { type Module, namedTensors } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { EMA } from '../optim/ema.js'
import type { Schedule } from '../optim/schedules.js'
import { scope } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'

export interface TargetOptions {
  /** Step → m of θ' = m·θ' + (1 − m)·θ: what is kept of the target. (Mean Teacher's α, BYOL's τ, MoCo's m.) */
  readonly momentum: Schedule
  /**
   * Where the target's batch norms take their statistics from. `batch`: the batch's own, as in training mode (MoCo, BYOL,
   * Mean Teacher). `averaged`: moving averages of the online network's running statistics. @default 'batch'
   */
  readonly statistics?: 'batch' | 'averaged'
  /** Whether it begins as a copy of the online network, or with weights of its own. @default true */
  readonly copied?: boolean
}

/**
 * A second network that follows the trained one slowly: MoCo's momentum encoder (He et al., 2020, equation 2), BYOL's
 * target, the mean teacher (Tarvainen & Valpola, 2017). It has no gradient; its parameters lie in an arena laid out like
 * the trained ones', so that an update of the whole network is one launch a page.
 */
export class TargetNetwork<Modules extends Readonly<Record<string, Module>>> {
  private averages: readonly EMA[] = []

  /** @param modules under the names of the online modules that they follow */
  constructor(
    readonly modules: Modules,
    readonly options: TargetOptions,
  ) {
    const averaged = options.statistics === 'averaged'
    for (const module of Object.values(modules)) {
      for (const parameter of module.parameters()) parameter.requiresGradient = false
      module.mode = averaged ? 'inference' : 'update'
    }
  }

  /**
   * Moves the parameters into an arena of the layout of the online ones. What is frozen there has no slot; it is copied
   * once (MoCo v3's patch projection).
   *
   * @throws ShapeError for another architecture
   */
  attach(model: ModelState): void {
    const { statistics = 'batch', copied = true } = this.options
    const own = namedTensors(this.modules, 'namedParameters')
    const parameters = follow(model.parameters, own)
    this.averages = [new EMA(parameters, model.parameters)]
    if (statistics === 'averaged' && model.buffers) {
      const buffers = follow(model.buffers, namedTensors(this.modules, 'namedBuffers'))
      this.averages = [...this.averages, new EMA(buffers, model.buffers)]
    }
    if (!copied) return
    const frozen = new Map(model.frozen)
    for (const [name, tensor] of own) {
      const from = frozen.get(name)
      if (from) copyInto(from, tensor)
    }
    for (const average of this.averages) average.prepare(0)
    this.update()
  }

  /** Runs the target: nothing inside has a gradient, and only the result stays in memory. */
  forward<Result>(body: (modules: Modules) => Result): Result {
    return noGrad(() => scope(() => body(this.modules)))
  }

  /** Writes the momentum of a step. */
  prepare(step: number): void {
    for (const average of this.averages) average.prepare(this.options.momentum(step))
  }

  /** Moves the target; part of the recorded step. */
  update(): void {
    for (const average of this.averages) average.step()
  }

  /** Parameters and running statistics, `target.encoder.…`, for checkpoints. */
  state(): [string, Tensor][] {
    const both = (['namedParameters', 'namedBuffers'] as const).flatMap(which => namedTensors(this.modules, which))
    return both.map(([name, tensor]) => [`target.${name}`, tensor])
  }
}

/** An arena laid out like `source`, into which the tensors of the same names move; the other slots stay empty. */
function follow(source: Arena, tensors: readonly [string, Tensor][]): Arena {
  const own = new Map(tensors)
  const entries = source.slots.map(({ name, group, tensor }) => {
    return { name, group, tensor: own.get(name) ?? { shape: tensor.shape } }
  })
  return new Arena(entries, source.device)
}
