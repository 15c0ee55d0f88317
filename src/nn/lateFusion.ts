import { ConfigError } from '../device/errors.js'
import { concat, split } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { LayerOptions } from './initialise.js'
import { DenseLayer, MLP } from './mlp.js'
import { Module } from './module.js'

export interface LateFusionOptions extends LayerOptions {
  /** Parts of an image that are looked at together: two patches, nine tiles. */
  readonly parts: number
  /** Features of a part. */
  readonly inputs: number
  /** What a part is reduced to by itself, before the others are known (fc6); 0: the tower has done that already. */
  readonly each: number
  /** Hidden widths after the parts were put side by side (fc7, fc8). */
  readonly joint: readonly number[]
  readonly outputs: number
}

/**
 * The head of a network that looks at several parts of an image by one tower and compares them late (Doersch et al.
 * 2015, figure 3; Noroozi & Favaro 2016, figure 3): a linear layer for each part by itself, the same for all; the
 * results of all parts side by side; linear layers on that.
 *
 * As in Doersch et al.'s code, the layer of a part and the first joint one have a batch norm without scale and shift,
 * so that the network cannot silence what it knows of a part ("the activations collapse to 0" without), further ones
 * have none. Noroozi & Favaro's network has no batch norm at all.
 */
export class LateFusion extends Module {
  readonly parts: number
  readonly each: DenseLayer | undefined
  readonly first: DenseLayer
  readonly rest: MLP

  /** @throws ConfigError without a joint layer */
  constructor({ parts, inputs, each, joint, outputs, ...options }: LateFusionOptions) {
    super()
    const [width, ...further] = joint
    if (width === undefined) throw new ConfigError('LateFusion: wants at least one joint layer, got none')
    const stream = (name: string) => ({ ...options, generator: options.generator.split(name) })
    this.parts = parts
    if (each > 0) this.each = new DenseLayer({ ...stream('each'), inputs, outputs: each }, 'none', true)
    const together = parts * (each > 0 ? each : inputs)
    this.first = new DenseLayer({ ...stream('first'), inputs: together, outputs: width }, 'none', true)
    this.rest = new MLP({ ...stream('rest'), widths: [width, ...further, outputs], hiddenNorm: false })
  }

  /** Features [parts · B, inputs], all of the first part before all of the second, to [B, outputs]. */
  forward(features: Tensor): Tensor {
    const each = this.each?.forward(features) ?? features
    return this.rest.forward(this.first.forward(concat(split(each, this.parts), 1)))
  }
}
