import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Encoder } from './method.js'

/** An encoder with the first layers of a head on it, kept as one: images [N, H, W, C] to [N, featureDimension]. */
export class HeadedEncoder extends Module implements Encoder {
  constructor(
    readonly body: Encoder,
    readonly head: Module,
    readonly featureDimension: number,
  ) {
    super()
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x))
  }
}
