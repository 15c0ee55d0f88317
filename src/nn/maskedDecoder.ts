import { add } from '../ops/elementwise.js'
import { gatherTokens } from '../ops/gather.js'
import { concat, slice } from '../ops/shape.js'
import { broadcastTo } from '../ops/sum.js'
import type { Tensor } from '../tensor/tensor.js'
import { buffer, type LayerOptions, parameter, truncatedNormal } from './initialise.js'
import { LayerNorm } from './layerNorm.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { sinCosPositions } from './positions.js'
import { EPSILON, TransformerBlock } from './transformer.js'

export interface MaskedDecoderOptions extends LayerOptions {
  /** Of the encoder's tokens. */
  readonly inputs: number
  /** Of its own tokens: 512 in MAE. */
  readonly width: number
  /** 8 in MAE. */
  readonly depth: number
  readonly heads: number
  /** Patches along a side of the image. */
  readonly grid: number
  /** Numbers of a patch. */
  readonly outputs: number
}

/**
 * MAE's decoder (He et al., 2021, section 3): a narrow transformer over the encoder's tokens and, in the places of the
 * patches that it did not see, copies of one learned token; a linear layer makes pixels of every patch.
 */
export class MaskedDecoder extends Module {
  readonly embedding: Linear
  /** [1, 1, width] */
  readonly maskToken: Tensor
  /** [1 + patches, width]: sines and cosines, zero for the class token. */
  readonly positions: Tensor
  readonly blocks: readonly TransformerBlock[]
  readonly norm: LayerNorm
  readonly pixels: Linear

  constructor(options: MaskedDecoderOptions) {
    super()
    const { inputs, width, depth, heads, grid, outputs, generator, device, initialisation = 'truncated' } = options
    const layer = { generator, initialisation, ...(device && { device }) }
    this.embedding = new Linear({ ...layer, inputs, outputs: width, generator: generator.split('embedding') })
    const shape = [1, 1, width]
    this.maskToken = parameter(truncatedNormal(shape, generator.split('maskToken'), 0.02), shape, device)
    const positions = new Float32Array((1 + grid * grid) * width)
    positions.set(sinCosPositions([grid, grid], width), width)
    this.positions = buffer(positions, [1 + grid * grid, width], device)
    this.blocks = Array.from({ length: depth }, (_, i) => {
      return new TransformerBlock({ ...layer, width, heads, generator: generator.split('blocks').split(i) })
    })
    this.norm = new LayerNorm({ channels: width, epsilon: EPSILON, ...(device && { device }) })
    this.pixels = new Linear({ ...layer, inputs: width, outputs, generator: generator.split('pixels') })
  }

  protected override get bufferNames(): readonly string[] {
    return ['positions']
  }

  forward(): Tensor {
    throw new TypeError('MaskedDecoder: call decode(tokens, places), which needs to know where the tokens were')
  }

  /**
   * @param tokens [N, 1 + k, inputs], the class token first
   * @param places int32 [N, patches]: for each patch its number among the k tokens, or any number from k on
   * @returns [N, patches, outputs]
   */
  decode(tokens: Tensor, places: Tensor): Tensor {
    const [batch, kept] = tokens.shape as [number, number]
    const patches = places.shape[1]!
    const y = this.embedding.forward(tokens)
    const width = y.shape[2]!
    const seen = slice(y, [0, 1, 0], [batch, kept - 1, width])
    const masks = broadcastTo(this.maskToken, [batch, patches - (kept - 1), width])
    const ordered = gatherTokens(concat([seen, masks], 1), places)
    const all = add(concat([slice(y, [0, 0, 0], [batch, 1, width]), ordered], 1), this.positions)
    const z = this.norm.forward(this.blocks.reduce((x, block) => block.forward(x), all))
    return this.pixels.forward(slice(z, [0, 1, 0], [batch, patches, width]))
  }
}
