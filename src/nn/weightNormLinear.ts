import type { Device } from '../device/device.js'
import { matmul } from '../ops/matmul.js'
import { l2normalize } from '../ops/normalize.js'
import type { Generator } from '../tensor/philox.js'
import type { Tensor } from '../tensor/tensor.js'
import { parameter, uniform } from './initialise.js'
import { Module } from './module.js'

export interface WeightNormLinearOptions {
  readonly inputs: number
  readonly outputs: number
  readonly generator: Generator
  readonly device?: Device
}

/**
 * A linear layer without bias whose weights have length 1 for every output (weight normalisation with g = 1, Salimans &
 * Kingma, 2016, https://arxiv.org/abs/1602.07868): x [..., inputs] times the normalised rows of `directions`
 * [outputs, inputs], which are drawn as PyTorch draws a linear layer. Where x has length 1 too, these are cosines, as in
 * the last layer of DINO's heads.
 */
export class WeightNormLinear extends Module {
  readonly directions: Tensor

  constructor({ inputs, outputs, generator, device }: WeightNormLinearOptions) {
    super()
    const shape = [outputs, inputs]
    this.directions = parameter(uniform(shape, generator.split('directions'), 1 / Math.sqrt(inputs)), shape, device)
  }

  forward(x: Tensor): Tensor {
    return matmul(x, l2normalize(this.directions), { transposeB: true })
  }
}
