import type { Slice } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import type { Arena } from '../nn/arena.js'
import { zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import type { LossScale } from './lossScale.js'

/** What the host decides anew for every step. */
export interface StepValues {
  readonly learningRate: number
  /** From 0. */
  readonly step: number
  /** Instead of the optimiser's own, where it changes over a run. */
  readonly weightDecay?: number
}

export interface GroupOptions {
  /** A factor, or the rate from the step and the rate of the others. @default 1 */
  readonly learningRate?: number | ((step: number, scheduled: number) => number)
  /** @default the optimiser's, and 0 for groups of what is not decayed (`isUndecayed`) */
  readonly weightDecay?: number
}

export interface OptimizerOptions {
  /** For every group whose parameters are decayed. @default 0 */
  readonly weightDecay?: number
  /** By the names of the parameter arena's groups. */
  readonly groups?: Readonly<Record<string, GroupOptions>>
}

/** A group of parameters with its settings filled in. */
export interface Group {
  readonly name: string
  rate(values: StepValues): number
  decay(values: StepValues): number
}

/** Whether a group is `noDecay` or a method's own group of such parameters, `predictor./noDecay`. */
export function isUndecayed(group: string): boolean {
  return group === 'noDecay' || group.endsWith('/noDecay')
}

/** Of a launch that changes parameters. */
export interface Scaled {
  /** A number that gradients are multiplied by; where it is 0 the launch does nothing. */
  readonly scaling?: Slice
}

/** A page of parameters and all that goes with it: operands of one launch. */
export interface OptimizerPage extends Scaled {
  readonly index: number
  readonly parameters: Slice
  readonly gradients: Slice
  readonly hyper: Slice
  /** The number of vec4s. */
  readonly count: number
}

// A binding may begin at multiples of 256 bytes: one row of 64 float32 for each group.
const ROW = 64

/**
 * Changes the parameters of one arena by the gradients in another of the same layout. A step is two things: `prepare`
 * writes what differs from step to step into a small tensor on the device, `step` launches, one launch a page, and can
 * be recorded and replayed.
 *
 *   optimizer.prepare({ learningRate: schedule(k), step: k })
 *   optimizer.step()
 */
export abstract class Optimizer {
  readonly groups: readonly Group[]
  private readonly hyper: Tensor
  private prepared = false

  /** @throws ShapeError when the arenas differ in layout, ConfigError for a group that the arena does not have. */
  constructor(
    readonly parameters: Arena,
    readonly gradients: Arena,
    { weightDecay = 0, groups = {} }: OptimizerOptions,
  ) {
    parameters.wantSameLayout('optimizer', gradients)
    const names = [...new Set(parameters.pages.map(({ group }) => group))]
    const unknown = Object.keys(groups).find(name => !names.includes(name))
    if (unknown !== undefined) {
      throw new ConfigError(`optimizer: no parameter is in the group ${unknown}; the groups are ${names.join(', ')}`)
    }
    this.groups = names.map(name => {
      const { learningRate = 1, weightDecay: own } = groups[name] ?? {}
      return {
        name,
        rate: values =>
          typeof learningRate === 'number'
            ? learningRate * values.learningRate
            : learningRate(values.step, values.learningRate),
        decay: values => own ?? (isUndecayed(name) ? 0 : (values.weightDecay ?? weightDecay)),
      }
    })
    this.hyper = keep(zeros([names.length, ROW], { device: parameters.device }))
  }

  /** The moments of all parameters, one arena each, by name. */
  protected abstract readonly moments: Readonly<Record<string, Arena>>

  /** The numbers that the kernels of a group read, in their order. */
  protected abstract hyperOf(group: Group, values: StepValues): readonly number[]

  /** Launches the update of one page. */
  protected abstract update(page: OptimizerPage): void

  /** Writes what the next step (or replay of one) reads. Not part of a recording. */
  prepare(values: StepValues): void {
    const rows = new Float32Array(this.hyper.size)
    this.groups.forEach((group, i) => {
      rows.set(this.hyperOf(group, values), i * ROW)
    })
    this.hyper.write(rows)
    this.prepared = true
  }

  /**
   * Updates every parameter.
   * @param lossScale what has judged the gradients, where the loss was scaled
   * @throws ConfigError when `prepare` was never called.
   */
  step(lossScale?: LossScale): void {
    if (!this.prepared) throw new ConfigError('optimizer: call prepare({ learningRate, step }) before step()')
    this.parameters.pages.forEach((page, index) => {
      const row = this.groups.findIndex(({ name }) => name === page.group)
      this.update({
        index,
        parameters: page.slice,
        gradients: this.gradients.pages[index]!.slice,
        hyper: { buffer: this.hyper.slice.buffer, offset: 4 * ROW * row, bytes: 4 * ROW },
        count: page.bytes / 16,
        ...(lossScale && { scaling: lossScale.factor.slice }),
      })
    })
  }

  /** All that a checkpoint must hold beside the parameters: `momentum.PARAMETER`, … */
  state(): [string, Tensor][] {
    return Object.entries(this.moments).flatMap(([moment, arena]) =>
      arena.slots.map(({ name, tensor }): [string, Tensor] => [`${moment}.${name}`, tensor]),
    )
  }

  /** Gives its own memory back; parameters and gradients belong to the model. */
  dispose(): void {
    this.hyper.dispose()
    for (const arena of Object.values(this.moments)) arena.dispose()
  }
}

/** @throws ConfigError unless 0 ≤ value < 1. */
export function wantFraction(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new ConfigError(`${name} wants a number from 0 to below 1, got ${value}`)
}
