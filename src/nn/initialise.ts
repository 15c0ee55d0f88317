import type { Device } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { full, tensor } from '../tensor/create.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { type Shape, show, sizeOf } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * How layers draw their weights. `kaiming`: He's normal distribution for rectifiers (fan-out for convolutions, as in
 * ResNets; fan-in for linear layers) and zero biases. `pytorch`: what PyTorch's layers do when left alone,
 * U(±1/√fan-in) for weights and biases. `xavier`: Glorot's uniform distribution and zero biases (MoCo v3, MAE).
 * `truncated`: N(0, 0.02²) and zero biases (ViT, DINO).
 */
export const INITIALISATIONS = ['kaiming', 'pytorch', 'xavier', 'truncated'] as const

export type Initialisation = (typeof INITIALISATIONS)[number]

/** What every layer with random weights is made with. */
export interface LayerOptions {
  /** The layer draws from streams split off under its tensors' names: a weight depends on seed and name alone. */
  readonly generator: Generator
  /** @default 'kaiming' */
  readonly initialisation?: Initialisation
  /** The current device by default. */
  readonly device?: Device
}

export interface KaimingOptions {
  /** Keeps the variance of activations (`in`) or of gradients (`out`). */
  readonly fan: 'in' | 'out'
  /** √2 for ReLU, 1 without a nonlinearity. @default √2 */
  readonly gain?: number
}

/**
 * How many inputs feed an output (`in`) and how many outputs an input feeds (`out`), for weights [in, out] and filters
 * [kernelHeight, kernelWidth, inputChannels / groups, outputChannels].
 *
 * @throws ShapeError for less than two axes.
 */
export function fansOf(shape: Shape): { in: number; out: number } {
  if (shape.length < 2) throw new ShapeError(`initialise: fans want at least two axes, got ${show(shape)}`)
  const field = sizeOf(shape.slice(0, -2))
  return { in: field * shape.at(-2)!, out: field * shape.at(-1)! }
}

/** N(0, gain² / fan) (He et al., 2015, https://arxiv.org/abs/1502.01852, equations 10 and 14). */
export function kaimingNormal(shape: Shape, generator: Generator, options: KaimingOptions): Float32Array {
  const { fan, gain = Math.SQRT2 } = options
  return normal(shape, generator, gain / Math.sqrt(fansOf(shape)[fan]))
}

/** U(±gain·√(3 / fan)): the same variance. */
export function kaimingUniform(shape: Shape, generator: Generator, options: KaimingOptions): Float32Array {
  const { fan, gain = Math.SQRT2 } = options
  return uniform(shape, generator, gain * Math.sqrt(3 / fansOf(shape)[fan]))
}

/** N(0, gain²·2 / (fan-in + fan-out)) (Glorot & Bengio, 2010). */
export function xavierNormal(shape: Shape, generator: Generator, gain = 1): Float32Array {
  const fans = fansOf(shape)
  return normal(shape, generator, gain * Math.sqrt(2 / (fans.in + fans.out)))
}

/** U(±gain·√(6 / (fan-in + fan-out))) (Glorot & Bengio, 2010, equation 16). */
export function xavierUniform(shape: Shape, generator: Generator, gain = 1): Float32Array {
  const fans = fansOf(shape)
  return uniform(shape, generator, gain * Math.sqrt(6 / (fans.in + fans.out)))
}

/** N(0, deviation²), drawn in float64 on the host: logarithms and cosines differ between devices. */
export function normal(shape: Shape, generator: Generator, deviation: number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, () => deviation * generator.normal())
}

/** U(±bound). */
export function uniform(shape: Shape, generator: Generator, bound: number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, () => generator.uniform(-bound, bound))
}

/**
 * N(0, deviation²), drawn again beyond ±bound. The bound is absolute, as in timm's `trunc_normal_`, so that weights of
 * deviation 0.02 are in fact never cut.
 */
export function truncatedNormal(shape: Shape, generator: Generator, deviation: number, bound = 2): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, () => {
    let value = deviation * generator.normal()
    while (Math.abs(value) > bound) value = deviation * generator.normal()
    return value
  })
}

/** The deviation of `truncated`, in the papers that have it. */
export const TRUNCATED_DEVIATION = 0.02

/**
 * The weights of a layer, [in, out] or a filter.
 *
 * @param fan which of the two `kaiming` looks at
 */
export function drawWeights(
  shape: Shape,
  generator: Generator,
  initialisation: Initialisation,
  fan: 'in' | 'out',
): Float32Array {
  switch (initialisation) {
    case 'kaiming':
      return kaimingNormal(shape, generator, { fan })
    case 'pytorch':
      return uniform(shape, generator, 1 / Math.sqrt(fansOf(shape).in))
    case 'xavier':
      return xavierUniform(shape, generator)
    case 'truncated':
      return truncatedNormal(shape, generator, TRUNCATED_DEVIATION)
  }
}

/** The bias [outputs] of a layer whose weights have this shape. */
export function drawBias(shape: Shape, generator: Generator, initialisation: Initialisation): Float32Array {
  const outputs = [shape.at(-1)!]
  if (initialisation !== 'pytorch') return new Float32Array(outputs[0]!)
  return uniform(outputs, generator, 1 / Math.sqrt(fansOf(shape).in))
}

/** A trained tensor with these values: outlives scopes, belongs to its module. */
export function parameter(values: Float32Array | number, shape: Shape, device?: Device): Tensor {
  const options = { requiresGradient: true, ...(device && { device }) }
  return keep(typeof values === 'number' ? full(shape, values, options) : tensor(values, { ...options, shape }))
}

/** A tensor that is state but not trained. */
export function buffer(values: Float32Array | number, shape: Shape, device?: Device): Tensor {
  const options = device ? { device } : {}
  return keep(typeof values === 'number' ? full(shape, values, options) : tensor(values, { ...options, shape }))
}
