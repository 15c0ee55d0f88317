import { ConfigError } from '../device/errors.js'
import { add } from '../ops/elementwise.js'
import { gatherTokens } from '../ops/gather.js'
import { mean } from '../ops/reduce.js'
import { concat, reshape, slice } from '../ops/shape.js'
import { broadcastTo } from '../ops/sum.js'
import type { Tensor } from '../tensor/tensor.js'
import { buffer, type LayerOptions, parameter, TRUNCATED_DEVIATION, truncatedNormal } from './initialise.js'
import { LayerNorm } from './layerNorm.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { patchesOf } from './patches.js'
import { resizePositions, sinCosPositions } from './positions.js'
import { EPSILON, TransformerBlock } from './transformer.js'

export interface VisionTransformerOptions extends LayerOptions {
  readonly inputChannels: number
  /** Height and width of the images that the position embeddings are for. */
  readonly imageSize: number
  /** Height and width of a patch; it divides the image size. */
  readonly patchSize: number
  /** Of a token: 192 for ViT-Tiny, 384 for ViT-Small. */
  readonly width: number
  /** Number of blocks. @default 12 */
  readonly depth?: number
  /** @default one for every 64 of the width */
  readonly heads?: number
  /** Position embeddings are learned (ViT, DINO), or sines and cosines that stay (MoCo v3, MAE). @default 'learned' */
  readonly positions?: 'learned' | 'sincos'
  /** Features are the class token (ViT, DINO), or the mean of the patches' tokens (MAE's `global_pool`). @default 'class' */
  readonly pooling?: 'class' | 'mean'
  /** The patch projection stays as drawn, which keeps contrastive training stable (MoCo v3, section 4.2). @default false */
  readonly frozenPatches?: boolean
}

/**
 * A vision transformer without its classifier (Dosovitskiy et al., 2020, https://arxiv.org/abs/2010.11929): images
 * [N, H, W, C] to the class token behind the last block, [N, featureDimension]. Weights are drawn as `truncated` unless
 * said otherwise, the patch projection then as PyTorch draws it, as DINO's code does.
 */
export class VisionTransformer extends Module {
  readonly projection: Linear
  /** [1, 1, width] */
  readonly classToken: Tensor
  /** [1 + patches, width], the class token's first. */
  readonly positions: Tensor
  readonly blocks: readonly TransformerBlock[]
  readonly norm: LayerNorm
  readonly featureDimension: number
  readonly patchSize: number
  private readonly grid: number
  private readonly fixed: boolean
  private readonly pooling: 'class' | 'mean'

  /** @throws ConfigError when patches do not fill the image, or heads do not divide the width. */
  constructor({
    inputChannels,
    imageSize,
    patchSize,
    width,
    depth = 12,
    heads = Math.max(1, Math.round(width / 64)),
    positions = 'learned',
    pooling = 'class',
    frozenPatches = false,
    ...options
  }: VisionTransformerOptions) {
    super()
    if (!Number.isInteger(imageSize / patchSize)) {
      throw new ConfigError(`VisionTransformer: patches of ${patchSize} pixels do not fill images of ${imageSize}`)
    }
    const { generator, device, initialisation = 'truncated' } = options
    const layer = { ...options, initialisation }
    this.featureDimension = width
    this.patchSize = patchSize
    this.grid = imageSize / patchSize
    this.fixed = positions === 'sincos'
    this.pooling = pooling
    this.projection = new Linear({
      ...options,
      inputs: patchSize * patchSize * inputChannels,
      outputs: width,
      initialisation: initialisation === 'truncated' ? 'pytorch' : initialisation,
      generator: generator.split('projection'),
    })
    for (const tensor of this.projection.parameters()) tensor.requiresGradient = !frozenPatches
    const drawn = (name: string, shape: number[]) => truncatedNormal(shape, generator.split(name), TRUNCATED_DEVIATION)
    this.classToken = parameter(drawn('classToken', [1, 1, width]), [1, 1, width], device)
    const shape = [1 + this.grid ** 2, width]
    if (this.fixed) {
      const values = new Float32Array(shape[0]! * width)
      values.set(sinCosPositions([this.grid, this.grid], width), width)
      this.positions = buffer(values, shape, device)
    } else {
      this.positions = parameter(drawn('positions', shape), shape, device)
    }
    this.blocks = Array.from({ length: depth }, (_, i) => {
      return new TransformerBlock({ ...layer, width, heads, generator: generator.split('blocks').split(i) })
    })
    this.norm = new LayerNorm({ channels: width, epsilon: EPSILON, ...(device && { device }) })
  }

  protected override get bufferNames(): readonly string[] {
    return this.fixed ? ['positions'] : []
  }

  forward(x: Tensor): Tensor {
    return this.pool(this.tokens(x))
  }

  /** Features [N, width] of tokens [N, 1 + k, width]. */
  pool(tokens: Tensor): Tensor {
    const [batch, count, width] = tokens.shape as [number, number, number]
    if (this.pooling === 'mean') return mean(slice(tokens, [0, 1, 0], [batch, count - 1, width]), 1)
    return reshape(slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width])
  }

  /**
   * All tokens behind the last block and its norm, the class token first, then the patches row by row. Images may have
   * another size than that of the positions, which are then interpolated.
   *
   * @param x [N, H, W, C]; patches fill the images
   * @param keep int32 [N, k]: which of each image's patches are looked at, all where it is not given (MAE)
   * @returns [N, 1 + patches, width], or [N, 1 + k, width]
   * @throws ShapeError, DtypeError
   */
  tokens(x: Tensor, keep?: Tensor): Tensor {
    const width = this.featureDimension
    const patches = this.projection.forward(patchesOf(x, this.patchSize))
    const placed = add(patches, this.patchPositions(x))
    const kept = keep ? gatherTokens(placed, keep) : placed
    const first = add(this.classToken, slice(this.positions, [0, 0], [1, width]))
    const batch = x.shape[0]!
    const tokens = concat([broadcastTo(first, [batch, 1, width]), kept], 1)
    return this.norm.forward(this.blocks.reduce((y, block) => block.forward(y), tokens))
  }

  /** [patches, width] for images of the size of x. */
  private patchPositions(x: Tensor): Tensor {
    const { grid, patchSize, featureDimension: width } = this
    const own = slice(this.positions, [1, 0], [grid * grid, width])
    const [rows, columns] = [x.shape[1]! / patchSize, x.shape[2]! / patchSize]
    if (rows === grid && columns === grid) return own
    return resizePositions(own, [grid, grid], [rows, columns])
  }
}
