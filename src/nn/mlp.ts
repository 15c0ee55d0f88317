import { ConfigError } from '../device/errors.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Affine, BatchNorm } from './batchNorm.js'
import type { LayerOptions } from './initialise.js'
import { Linear } from './linear.js'
import { Module } from './module.js'

export interface MLPOptions extends LayerOptions {
  /** Inputs, hidden widths, outputs: `[128, 256, 128]` has one hidden layer. */
  readonly widths: readonly number[]
  /** Batch norm after the hidden linear layers, which then have no bias. @default true */
  readonly hiddenNorm?: boolean
  /**
   * A batch norm after the last linear layer too, without a ReLU: SimCLR's official code scales only, Barlow Twins and
   * SimSiam's have neither. @default no norm
   */
  readonly outputNorm?: Affine
  /** Whether the last layer has a bias where no norm follows. Barlow Twins' and VICReg's have none. @default true */
  readonly outputBias?: boolean
}

/** A linear layer, its norm (which makes its bias one too many), and whether a ReLU follows: x [N, inputs] to [N, outputs]. */
export class DenseLayer extends Module {
  readonly linear: Linear
  readonly norm: BatchNorm | undefined

  constructor(
    options: LayerOptions & { readonly inputs: number; readonly outputs: number; readonly bias?: boolean },
    affine: Affine | undefined,
    readonly relu: boolean,
  ) {
    super()
    const { outputs, generator, device, bias = affine === undefined } = options
    this.linear = new Linear({ ...options, bias, generator: generator.split('linear') })
    if (affine) this.norm = new BatchNorm({ channels: outputs, affine, ...(device && { device }) })
  }

  forward(x: Tensor): Tensor {
    const { relu } = this
    return this.norm ? this.norm.forward(this.linear.forward(x), { relu }) : this.linear.forward(x, { relu })
  }
}

/**
 * The head that self-supervised methods put on an encoder (projector, predictor): linear layers with ReLU between
 * them, x [N, widths[0]] to [N, widths.at(-1)].
 */
export class MLP extends Module {
  readonly layers: readonly DenseLayer[]

  /** @throws ConfigError for less than two widths. */
  constructor({ widths, hiddenNorm = true, outputNorm, outputBias = true, ...options }: MLPOptions) {
    super()
    if (widths.length < 2) throw new ConfigError(`MLP: wants at least inputs and outputs, got widths [${widths}]`)
    this.layers = widths.slice(1).map((outputs, i) => {
      const last = i === widths.length - 2
      const generator = options.generator.split('layers').split(i)
      const affine = last ? outputNorm : hiddenNorm ? 'full' : undefined
      const bias = affine === undefined && (outputBias || !last)
      return new DenseLayer({ ...options, inputs: widths[i]!, outputs, bias, generator }, affine, !last)
    })
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x)
  }
}
