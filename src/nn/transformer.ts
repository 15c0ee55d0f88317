import { ConfigError } from '../device/errors.js'
import { attention } from '../ops/attention.js'
import { gelu } from '../ops/elementwise.js'
import { reshape, slice, transpose } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { LayerOptions } from './initialise.js'
import { LayerNorm } from './layerNorm.js'
import { Linear } from './linear.js'
import { Module } from './module.js'

export interface AttentionOptions extends LayerOptions {
  readonly width: number
  /** They divide the width. */
  readonly heads: number
}

/**
 * Multi-head self-attention of tokens [N, T, width] (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762, section
 * 3.2.2). One linear layer makes queries, keys and values, in this order.
 */
export class Attention extends Module {
  readonly projections: Linear
  readonly output: Linear
  readonly heads: number

  /** @throws ConfigError when the heads do not divide the width. */
  constructor({ width, heads, ...options }: AttentionOptions) {
    super()
    if (!(heads >= 1) || width % heads !== 0) {
      throw new ConfigError(`Attention: wants heads that divide the width, got ${heads} and ${width}`)
    }
    const { generator } = options
    const sizes = { ...options, inputs: width }
    this.projections = new Linear({ ...sizes, outputs: 3 * width, generator: generator.split('projections') })
    this.output = new Linear({ ...sizes, outputs: width, generator: generator.split('output') })
    this.heads = heads
  }

  /** @param residual is added to what comes out. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    const [batch, tokens, width] = x.shape as [number, number, number]
    const { heads } = this
    const size = width / heads
    // [N, T, 3, heads, size] to [3, N, heads, T, size]: each of the three lies in one piece, head by head.
    const split = reshape(this.projections.forward(x), [batch, tokens, 3, heads, size])
    const parts = transpose(split, [2, 0, 3, 1, 4])
    const part = (i: number) =>
      reshape(slice(parts, [i, 0, 0, 0, 0], [1, batch, heads, tokens, size]), [batch, heads, tokens, size])
    const taken = attention(part(0), part(1), part(2))
    const joined = reshape(transpose(taken, [0, 2, 1, 3]), [batch, tokens, width])
    return this.output.forward(joined, residual && { residual })
  }
}

/** Two linear layers with a GELU between, token by token: [N, T, width]. */
class FeedForward extends Module {
  readonly hidden: Linear
  readonly output: Linear

  constructor(options: LayerOptions & { readonly width: number; readonly hidden: number }) {
    super()
    const { width, hidden, generator } = options
    this.hidden = new Linear({ ...options, inputs: width, outputs: hidden, generator: generator.split('hidden') })
    this.output = new Linear({ ...options, inputs: hidden, outputs: width, generator: generator.split('output') })
  }

  /** @param residual is added to what comes out. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return this.output.forward(gelu(this.hidden.forward(x)), residual && { residual })
  }
}

export interface TransformerBlockOptions extends AttentionOptions {
  /** Width of the hidden layer beside that of the tokens. @default 4 */
  readonly expansion?: number
}

/** The epsilon of the norms of vision transformers. */
export const EPSILON = 1e-6

/**
 * A block of a vision transformer (Dosovitskiy et al., 2020, https://arxiv.org/abs/2010.11929, equations 2 and 3), tokens
 * [N, T, width] to tokens: attention and then a feed-forward layer, each normalised before and added to what came in.
 */
export class TransformerBlock extends Module {
  readonly firstNorm: LayerNorm
  readonly attention: Attention
  readonly secondNorm: LayerNorm
  readonly feedForward: FeedForward

  constructor({ expansion = 4, ...options }: TransformerBlockOptions) {
    super()
    const { width, generator, device } = options
    const norm = { channels: width, epsilon: EPSILON, ...(device && { device }) }
    this.firstNorm = new LayerNorm(norm)
    this.attention = new Attention({ ...options, generator: generator.split('attention') })
    this.secondNorm = new LayerNorm(norm)
    const hidden = Math.round(expansion * width)
    this.feedForward = new FeedForward({ ...options, hidden, generator: generator.split('feedForward') })
  }

  forward(x: Tensor): Tensor {
    const y = this.attention.forward(this.firstNorm.forward(x), x)
    return this.feedForward.forward(this.secondNorm.forward(y), y)
  }
}
