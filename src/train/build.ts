/** From a configuration to the objects it names. Pure but for the tensors that it makes on the current device. */
import type { Dataset } from '../data/dataset.js'
import type { Device } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import type { Arena } from '../nn/arena.js'
import { ModelState } from '../nn/state.js'
import { AdamW } from '../optim/adamw.js'
import { LARS } from '../optim/lars.js'
import { type GroupOptions, isUndecayed, type Optimizer } from '../optim/optimizer.js'
import { constant, peerCosine, type Schedule, stepDecay, warmupCosine } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import type { Method } from '../ssl/method.js'
import { Generator } from '../tensor/philox.js'
import type { Tensor } from '../tensor/tensor.js'
import { viewOfParts } from '../views/parts.js'
import type { ViewSpec } from '../views/spec.js'
import { viewPair } from '../views/viewPair.js'
import type { Config } from './config.js'
import { methodNamed } from './methods/index.js'
import { networkBuilders, networkInputs } from './networks.js'
import { peakRate } from './peakRate.js'

/** Mean and standard deviation of each channel of images in [0, 1]. */
export interface Statistics {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** What a run's data and length say to its method. */
export interface MethodSetting {
  readonly config: Config
  readonly device: Device
  readonly train: Dataset
  readonly statistics: Statistics
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  /** `stepCounter` of the run. */
  readonly counter: Tensor
}

/** The method of a configuration with its encoder and heads. */
export function buildMethod({ statistics, ...setting }: MethodSetting): Method {
  const { config, device, train, counter } = setting
  const size = config.views.size ?? train.height
  return methodNamed(config.method).build(config.options, {
    ...setting,
    ...statistics,
    ...networkBuilders(config, { ...networkInputs(config, train, device), counter }),
    size,
    views: viewsOf(config, size, statistics),
    classes: () => classesOf(config, train),
    generator: name => new Generator(config.seed, name),
  })
}

function classesOf({ method }: Config, { classes, source }: Dataset): number {
  if (classes) return classes.length
  throw new ConfigError(`method: ${method} learns from labels, and ${source} has none; take another method`)
}

/** The two views of a configuration: a preset with what the configuration changes of it. */
export function viewsOf({ views }: Config, size: number, statistics: Statistics): readonly [ViewSpec, ViewSpec] {
  const { preset, parts, strength, blur, area, flip } = views
  if (parts) {
    const view = viewOfParts(parts, { size, ...statistics })
    return [view, view]
  }
  const changes = { strength, blur, ...(area && { area }), ...(flip !== undefined && { flip }) }
  return viewPair(preset, { size, ...statistics, ...changes })
}

/** Trained parameters and their gradients in arenas, in the groups that the optimiser and the method tell apart. */
export function buildModel({ optimizer }: Config, method: Method): ModelState {
  return new ModelState(method.modules, {
    everythingDecays: optimizer.decayAll,
    prefixes: method.groups.map(({ prefix }) => prefix),
  })
}

export function buildOptimizer(
  { optimizer }: Config,
  { parameters, gradients }: ModelState,
  method: Method,
): Optimizer {
  const { name, momentum, weightDecay, nesterov = false, eeta } = optimizer
  const groups = groupsOf(method, parameters)
  switch (name) {
    case 'sgd':
      return new SGD(parameters, gradients, { momentum, weightDecay, nesterov, groups })
    case 'lars':
      return new LARS(parameters, gradients, { momentum, weightDecay, groups, ...(eeta !== undefined && { eeta }) })
    case 'adamw':
      return new AdamW(parameters, gradients, { betas: [momentum, 0.999], weightDecay, groups })
  }
}

/** The method's groups under the names that they have in the arena, biases and norms apart. */
function groupsOf({ groups }: Method, parameters: Arena): Record<string, GroupOptions> {
  const names = [...new Set(parameters.slots.map(({ group }) => group))]
  return Object.fromEntries(
    groups.flatMap(({ prefix, kind, learningRate, weightDecay }) =>
      names
        .filter(name => name.startsWith(`${prefix}/`) && (kind === undefined || name === `${prefix}/${kind}`))
        .map(name => {
          const decay = weightDecay !== undefined && !isUndecayed(name) && { weightDecay }
          return [name, { ...(learningRate && { learningRate }), ...decay }]
        }),
    ),
  )
}

/** Step → weight decay, where it changes over the run. */
export function weightDecayOf({ optimizer }: Config, totalSteps: number): Schedule | undefined {
  const { weightDecay, weightDecayEnd } = optimizer
  if (weightDecayEnd === undefined) return undefined
  return step => weightDecayEnd + ((weightDecay - weightDecayEnd) * (1 + Math.cos((Math.PI * step) / totalSteps))) / 2
}

/** Step → learning rate: the rate for a batch of 256, scaled to the batch, along the schedule. */
export function learningRateOf(config: Config, totalSteps: number, stepsPerEpoch: number): Schedule {
  const { schedule } = config
  const base = peakRate(config)
  const fraction = schedule.warmupFraction ?? 0
  const warmupSteps = Math.min(totalSteps, Math.round((schedule.warmup ?? 0) * stepsPerEpoch || fraction * totalSteps))
  switch (schedule.form) {
    case 'peer':
      return peerCosine({ base, totalSteps, ramp: fraction })
    case 'cosine':
      return warmupCosine({ base, warmupSteps, totalSteps, final: base * (schedule.final ?? 0) })
    case 'constant':
      return warmed(constant(base), warmupSteps)
    case 'steps': {
      const { factor = 1, drops = [] } = schedule
      return warmed(stepDecay({ base, factor, drops: drops.map(epoch => epoch * stepsPerEpoch) }), warmupSteps)
    }
  }
}

/** A line from zero to what the schedule says after it. */
function warmed(schedule: Schedule, steps: number): Schedule {
  return step => (step < steps ? (schedule(steps) * step) / steps : schedule(step))
}
