import { dropout } from '../ops/dropout.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

export interface DropoutOptions {
  /** From 0 to below 1. */
  readonly probability: number
  /** uint32 [4] = [seed low, seed high, step, 0], written by whoever runs the steps; not the module's own. */
  readonly seedState: Tensor
  /** A whole number of its own for every dropout of a model. */
  readonly stream: number
}

/** Dropout (Srivastava et al., 2014); nothing at all in mode `inference`. */
export class Dropout extends Module {
  readonly probability: number
  readonly stream: number
  // Out of sight of `namedParameters`.
  readonly #seedState: Tensor

  constructor({ probability, seedState, stream }: DropoutOptions) {
    super()
    this.probability = probability
    this.stream = stream
    this.#seedState = seedState
  }

  forward(x: Tensor): Tensor {
    if (this.mode === 'inference') return x
    return dropout(x, this.probability, { seedState: this.#seedState, stream: this.stream })
  }
}
