/** From a configuration to the objects it names. Pure but for the tensors that it makes on the current device. */
import type { Dataset } from '../data/dataset.js'
import type { Device } from '../device/device.js'
import { MLP } from '../nn/mlp.js'
import { encoder as buildEncoder, type ResNet } from '../nn/resnet.js'
import type { ModelState } from '../nn/state.js'
import { AdamW } from '../optim/adamw.js'
import { LARS } from '../optim/lars.js'
import type { Optimizer } from '../optim/optimizer.js'
import { constant, peerCosine, type Schedule, warmupCosine } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import type { Method } from '../ssl/method.js'
import { SimCLR } from '../ssl/simclr.js'
import { Generator } from '../tensor/philox.js'
import { peerView, simclrView } from '../views/presets.js'
import type { ViewSpec } from '../views/spec.js'
import type { Config } from './config.js'

/** Mean and standard deviation of each channel of images in [0, 1]. */
export interface Statistics {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** The encoder of a configuration with its initial weights, which depend on the seed alone. */
export function buildEncoderOf(config: Config, channels: number, device: Device): ResNet {
  const { initialisation, stem, width } = config
  return buildEncoder(config.encoder, {
    stem,
    inputChannels: channels,
    initialisation,
    generator: new Generator(config.seed, 'encoder'),
    device,
    ...(width !== undefined && { width }),
  })
}

/** The method with its encoder and heads. */
export function buildMethod(config: Config, train: Dataset, statistics: Statistics, device: Device): Method {
  const encoder = buildEncoderOf(config, train.channels, device)
  const projector = new MLP({
    widths: [encoder.featureDimension, ...config.projector],
    hiddenNorm: config.projectorNorm !== 'none',
    // SimCLR's official code scales after the output and does not shift.
    ...(config.projectorNorm === 'all' && { outputNorm: 'scale' as const }),
    initialisation: config.initialisation,
    generator: new Generator(config.seed, 'projector'),
    device,
  })
  const view = viewOf(config, config.views.size ?? train.height, statistics)
  return new SimCLR(encoder, projector, { temperature: config.temperature, view })
}

/** The view of a configuration: a preset with what the configuration changes of it. */
export function viewOf({ views }: Config, size: number, { mean, std }: Statistics): ViewSpec {
  const { preset, strength, blur, area, flip } = views
  const spec = preset === 'peer' ? peerView({ size, mean, std }) : simclrView({ size, mean, std, strength, blur })
  return {
    ...spec,
    ...(area && spec.crop && { crop: { ...spec.crop, area } }),
    ...(flip !== undefined && { flip }),
  }
}

export function buildOptimizer({ optimizer }: Config, { parameters, gradients }: ModelState): Optimizer {
  const { name, momentum, weightDecay, eeta } = optimizer
  switch (name) {
    case 'sgd':
      return new SGD(parameters, gradients, { momentum, weightDecay })
    case 'lars':
      return new LARS(parameters, gradients, { momentum, weightDecay, ...(eeta !== undefined && { eeta }) })
    case 'adamw':
      return new AdamW(parameters, gradients, { betas: [momentum, 0.999], weightDecay })
  }
}

/** Step → learning rate: the rate for a batch of 256, scaled to the batch, along the schedule. */
export function learningRateOf(config: Config, totalSteps: number, stepsPerEpoch: number): Schedule {
  const { optimizer, schedule, batch } = config
  const factor = { linear: batch / 256, sqrt: Math.sqrt(batch / 256), none: 1 }[optimizer.scaling]
  const base = optimizer.learningRate * factor
  const fraction = schedule.warmupFraction ?? 0
  const warmupSteps = Math.min(totalSteps, Math.round((schedule.warmup ?? 0) * stepsPerEpoch || fraction * totalSteps))
  switch (schedule.form) {
    case 'peer':
      return peerCosine({ base, totalSteps, ramp: fraction })
    case 'cosine':
      return warmupCosine({ base, warmupSteps, totalSteps })
    case 'constant': {
      const flat = constant(base)
      return step => (step < warmupSteps ? (base * step) / warmupSteps : flat(step))
    }
  }
}
