import { gelu } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import type { Tensor } from '../tensor/tensor.js'
import type { LayerOptions } from './initialise.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { WeightNormLinear } from './weightNormLinear.js'

export interface DINOHeadOptions extends LayerOptions {
  readonly inputs: number
  /** Of the two hidden layers: 2,048 in DINO. */
  readonly hidden: number
  /** Of what the last layer sees: 256. */
  readonly bottleneck: number
  /** K: 65,536. */
  readonly outputs: number
}

/**
 * DINO's projection head (Caron et al., 2021, appendix C): three linear layers with GELU between them, the outcome
 * divided by its length, and a weight-normalised layer, so that the logits [N, K] are cosines.
 */
export class DINOHead extends Module {
  readonly layers: readonly Linear[]
  readonly last: WeightNormLinear

  constructor({ inputs, hidden, bottleneck, outputs, initialisation = 'truncated', ...options }: DINOHeadOptions) {
    super()
    const { generator } = options
    const widths = [inputs, hidden, hidden, bottleneck]
    this.layers = widths.slice(1).map((width, i) => {
      const sizes = { inputs: widths[i]!, outputs: width }
      return new Linear({ ...options, ...sizes, initialisation, generator: generator.split('layers').split(i) })
    })
    this.last = new WeightNormLinear({ ...options, inputs: bottleneck, outputs, generator: generator.split('last') })
  }

  forward(x: Tensor): Tensor {
    const y = this.layers.reduce((z, layer, i) => layer.forward(i === 0 ? z : gelu(z)), x)
    return this.last.forward(l2normalize(y))
  }
}
