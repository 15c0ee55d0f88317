import { conv2dBatchNorm } from '../ops/conv2dBatchNorm.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Affine, BatchNorm } from './batchNorm.js'
import { Conv2d } from './conv2d.js'
import type { LayerOptions } from './initialise.js'
import { Module } from './module.js'

export interface BlockOptions extends LayerOptions {
  readonly inputs: number
  /** Channels of the 3x3 convolutions; a bottleneck puts out four times as many. */
  readonly width: number
  readonly stride: number
  /** Begin with the last gamma at 0: the block is the identity (Goyal et al., 2017). @default false */
  readonly zeroInitResidual?: boolean
}

/** A convolution without bias, padded so that stride 1 keeps the size, and the batch norm after it. */
export class NormedConvolution extends Module {
  readonly convolution: Conv2d
  readonly norm: BatchNorm

  constructor(
    options: LayerOptions & {
      readonly inputs: number
      readonly outputs: number
      readonly size: number
      readonly stride: number
      readonly gamma?: number
      readonly affine?: Affine
    },
  ) {
    super()
    const { outputs, size, gamma = 1, affine = 'full', generator, device } = options
    const padding = (size - 1) / 2
    this.convolution = new Conv2d({ ...options, padding, generator: generator.split('convolution') })
    this.norm = new BatchNorm({ channels: outputs, gamma, affine, ...(device && { device }) })
  }

  /** relu(norm(convolution(x)) + residual), each of the two where asked for. */
  forward(x: Tensor, options: { readonly relu?: boolean; readonly residual?: Tensor } = {}): Tensor {
    const { convolution, norm } = this
    if (norm.mode !== 'inference') return norm.forward(convolution.forward(x), options)
    return conv2dBatchNorm(x, convolution.filter, convolution.options, { ...norm.running, ...options })
  }
}

/** Two 3x3 convolutions and the input beside them (He et al., 2015, https://arxiv.org/abs/1512.03385, figure 5 left). */
export class BasicBlock extends Module {
  static readonly expansion = 1
  readonly first: NormedConvolution
  readonly second: NormedConvolution
  /** Brings the input to the output's shape, where it has another (option B of the paper). */
  readonly shortcut: NormedConvolution | undefined

  constructor({ inputs, width, stride, zeroInitResidual = false, ...options }: BlockOptions) {
    super()
    const layer = layerOf(options)
    this.first = layer('first', { inputs, outputs: width, size: 3, stride })
    this.second = layer('second', {
      inputs: width,
      outputs: width,
      size: 3,
      stride: 1,
      gamma: zeroInitResidual ? 0 : 1,
    })
    if (stride !== 1 || inputs !== width) {
      this.shortcut = layer('shortcut', { inputs, outputs: width, size: 1, stride })
    }
  }

  forward(x: Tensor): Tensor {
    const residual = this.shortcut?.forward(x) ?? x
    return this.second.forward(this.first.forward(x, { relu: true }), { relu: true, residual })
  }
}

/**
 * 1x1, 3x3, 1x1 with four times the width at the end (He et al., 2015, figure 5 right), the stride on the 3x3, as
 * torchvision and most published ResNet-50 results have it.
 */
export class Bottleneck extends Module {
  static readonly expansion = 4
  readonly first: NormedConvolution
  readonly second: NormedConvolution
  readonly third: NormedConvolution
  readonly shortcut: NormedConvolution | undefined

  constructor({ inputs, width, stride, zeroInitResidual = false, ...options }: BlockOptions) {
    super()
    const layer = layerOf(options)
    const outputs = Bottleneck.expansion * width
    this.first = layer('first', { inputs, outputs: width, size: 1, stride: 1 })
    this.second = layer('second', { inputs: width, outputs: width, size: 3, stride })
    this.third = layer('third', { inputs: width, outputs, size: 1, stride: 1, gamma: zeroInitResidual ? 0 : 1 })
    if (stride !== 1 || inputs !== outputs) this.shortcut = layer('shortcut', { inputs, outputs, size: 1, stride })
  }

  forward(x: Tensor): Tensor {
    const residual = this.shortcut?.forward(x) ?? x
    const y = this.second.forward(this.first.forward(x, { relu: true }), { relu: true })
    return this.third.forward(y, { relu: true, residual })
  }
}

type Sizes = Omit<ConstructorParameters<typeof NormedConvolution>[0], keyof LayerOptions>

function layerOf(options: LayerOptions) {
  return (name: string, sizes: Sizes): NormedConvolution =>
    new NormedConvolution({ ...options, ...sizes, generator: options.generator.split(name) })
}
