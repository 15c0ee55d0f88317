/** The networks that a configuration names, with their initial weights: these depend on the seed and a name alone. */
import type { Dataset } from '../data/dataset.js'
import type { Device } from '../device/device.js'
import { encoder as buildEncoder } from '../nn/encoders.js'
import { Linear, type LinearOptions } from '../nn/linear.js'
import { MLP, type MLPOptions } from '../nn/mlp.js'
import type { Encoder } from '../ssl/method.js'
import { Generator } from '../tensor/philox.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Config } from './config.js'
import { methodNamed } from './methods/index.js'

/** What is there to make networks with; each name has initial weights of its own. */
export interface NetworkBuilders {
  /** The configured encoder. */
  encoder(name?: string): Encoder
  /** The configured projector on so many features, with what a method wants otherwise. */
  projector(inputs: number, name?: string, options?: Partial<MLPOptions>): MLP
  /** Another head: `widths` from inputs to outputs. */
  head(name: string, widths: readonly number[], options?: Partial<MLPOptions>): MLP
  /** A linear layer with the configured initial weights. */
  linear(name: string, inputs: number, outputs: number, options?: Partial<LinearOptions>): Linear
}

/** What networks are built for. */
export interface NetworkInputs {
  readonly channels: number
  /** Height and width of the images, for the encoders that are made for one size. */
  readonly size: number
  readonly device: Device
  /** What dropouts read in training; without it there are none. */
  readonly counter?: Tensor
}

/** For the views of a data set's images, as large as the configuration says, or for the parts that its method takes. */
export function networkInputs(config: Config, { channels, height }: Dataset, device: Device): NetworkInputs {
  const { method, options, views } = config
  return { channels, size: methodNamed(method).partSize?.(options) ?? views.size ?? height, device }
}

export function networkBuilders(config: Config, inputs: NetworkInputs): NetworkBuilders {
  const { initialisation, projectorNorm, stem, width, seed } = config
  const { channels, size, device, counter } = inputs
  const { dropout: probability = 0, ...network } = config.network ?? {}
  const generator = (name: string) => new Generator(seed, name)
  const head: NetworkBuilders['head'] = (name, widths, options) =>
    new MLP({ widths, initialisation, generator: generator(name), device, ...options })
  return {
    head,
    encoder: (name = 'encoder') =>
      buildEncoder(config.encoder, {
        stem,
        inputChannels: channels,
        imageSize: size,
        initialisation,
        generator: generator(name),
        device,
        ...network,
        ...(probability > 0 && counter && { dropout: { probability, seedState: counter, stream: 0 } }),
        ...(width !== undefined && { width }),
      }),
    projector: (inputs, name = 'projector', options) =>
      head(name, [inputs, ...config.projector], {
        hiddenNorm: projectorNorm !== 'none',
        // SimCLR's official code scales after the output and does not shift.
        ...(projectorNorm === 'all' && { outputNorm: 'scale' as const }),
        ...options,
      }),
    linear: (name, inputs, outputs, options) =>
      new Linear({ inputs, outputs, initialisation, generator: generator(name), device, ...options }),
  }
}

/** What a run keeps and evaluates, as it was before training: the encoder, and what the method keeps of its heads. */
export function buildKept(config: Config, inputs: NetworkInputs): Encoder {
  const builders = networkBuilders(config, inputs)
  return methodNamed(config.method).kept?.(config.options, builders) ?? builders.encoder()
}
