import { matmul } from '../ops/matmul.js'
import type { Tensor } from '../tensor/tensor.js'
import { kaimingNormal, type LayerOptions, parameter, uniform } from './initialise.js'
import { Module } from './module.js'

export interface LinearOptions extends LayerOptions {
  readonly inputs: number
  readonly outputs: number
  /** @default true */
  readonly bias?: boolean
}

/** y = x·weight + bias: x [..., inputs], weight [inputs, outputs], bias [outputs]. */
export class Linear extends Module {
  readonly weight: Tensor
  readonly bias: Tensor | undefined

  constructor({ inputs, outputs, bias = true, generator, initialisation = 'kaiming', device }: LinearOptions) {
    super()
    const shape = [inputs, outputs]
    const stream = generator.split('weight')
    const bound = 1 / Math.sqrt(inputs)
    const kaiming = initialisation === 'kaiming'
    const weight = kaiming ? kaimingNormal(shape, stream, { fan: 'in' }) : uniform(shape, stream, bound)
    this.weight = parameter(weight, shape, device)
    if (bias) {
      this.bias = parameter(kaiming ? 0 : uniform([outputs], generator.split('bias'), bound), [outputs], device)
    }
  }

  forward(x: Tensor): Tensor {
    return matmul(x, this.weight, this.bias ? { bias: this.bias } : {})
  }
}
