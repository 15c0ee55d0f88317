import type { Device } from '../device/device.js'
import { layerNorm } from '../ops/layerNorm.js'
import type { Tensor } from '../tensor/tensor.js'
import { parameter } from './initialise.js'
import { Module } from './module.js'

export interface LayerNormOptions {
  readonly channels: number
  /** @default 1e-5 */
  readonly epsilon?: number
  readonly device?: Device
}

/** Normalises every row of x [..., channels] (Ba, Kiros & Hinton, 2016, https://arxiv.org/abs/1607.06450). */
export class LayerNorm extends Module {
  readonly gamma: Tensor
  readonly beta: Tensor
  readonly epsilon: number

  constructor({ channels, epsilon = 1e-5, device }: LayerNormOptions) {
    super()
    this.gamma = parameter(1, [channels], device)
    this.beta = parameter(0, [channels], device)
    this.epsilon = epsilon
  }

  forward(x: Tensor): Tensor {
    const { gamma, beta, epsilon } = this
    return layerNorm(x, { gamma, beta, epsilon })
  }
}
