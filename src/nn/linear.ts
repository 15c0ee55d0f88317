import { matmul } from '../ops/matmul.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawBias, drawWeights, type LayerOptions, parameter } from './initialise.js'
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
    this.weight = parameter(drawWeights(shape, generator.split('weight'), initialisation, 'in'), shape, device)
    if (bias) this.bias = parameter(drawBias(shape, generator.split('bias'), initialisation), [outputs], device)
  }

  /** relu(x·weight + bias + residual), each of the last two where asked for. */
  forward(x: Tensor, options: { readonly relu?: boolean; readonly residual?: Tensor } = {}): Tensor {
    return matmul(x, this.weight, { ...options, ...(this.bias && { bias: this.bias }) })
  }
}
