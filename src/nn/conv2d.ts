import { ConfigError } from '../device/errors.js'
import { conv2d } from '../ops/conv2d.js'
import { add } from '../ops/elementwise.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawBias, drawWeights, type LayerOptions, parameter } from './initialise.js'
import { Module } from './module.js'

export interface Conv2dOptions extends LayerOptions {
  readonly inputs: number
  readonly outputs: number
  /** Height and width of the filter. */
  readonly size: number
  /** @default 1 */
  readonly stride?: number
  /** @default 0 */
  readonly padding?: number
  /** @default 1 */
  readonly dilation?: number
  /** @default 1 */
  readonly groups?: number
  /** @default false: a batch norm mostly follows and would take a bias away again */
  readonly bias?: boolean
}

/** A convolution of x [N, H, W, inputs] with `filter` [size, size, inputs / groups, outputs]. */
export class Conv2d extends Module {
  readonly filter: Tensor
  readonly bias: Tensor | undefined
  readonly stride: number
  readonly padding: number
  readonly dilation: number
  readonly groups: number

  /** @throws ConfigError when the groups do not divide the channels. */
  constructor(options: Conv2dOptions) {
    super()
    const { inputs, outputs, size, stride = 1, padding = 0, dilation = 1, groups = 1, bias = false } = options
    const { generator, initialisation = 'kaiming', device } = options
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new ConfigError(`Conv2d: ${groups} groups do not divide ${inputs} input and ${outputs} output channels`)
    }
    this.stride = stride
    this.padding = padding
    this.dilation = dilation
    this.groups = groups
    const shape = [size, size, inputs / groups, outputs]
    this.filter = parameter(drawWeights(shape, generator.split('filter'), initialisation, 'out'), shape, device)
    if (bias) this.bias = parameter(drawBias(shape, generator.split('bias'), initialisation), [outputs], device)
  }

  /** How the filter is laid over images. */
  get options(): { stride: number; padding: number; dilation: number; groups: number } {
    const { stride, padding, dilation, groups } = this
    return { stride, padding, dilation, groups }
  }

  forward(x: Tensor): Tensor {
    const y = conv2d(x, this.filter, this.options)
    return this.bias ? add(y, this.bias) : y
  }
}
