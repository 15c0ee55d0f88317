import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

/** Modules one after the other; their names are `layers.0`, `layers.1`, … */
export class Sequential extends Module {
  constructor(readonly layers: readonly Module[]) {
    super()
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x)
  }
}
