import { globalAveragePool, maxPool2d } from '../ops/pool.js'
import type { Tensor } from '../tensor/tensor.js'
import { BasicBlock, Bottleneck, NormedConvolution } from './blocks.js'
import type { LayerOptions } from './initialise.js'
import { Module } from './module.js'

/** Blocks of each stage, the kind of block, and the width of the first stage. */
const depths = {
  // Not in the paper: one block a stage, three stages, for digits and small colour images.
  8: { blocks: [1, 1, 1], Block: BasicBlock, width: 32 },
  18: { blocks: [2, 2, 2, 2], Block: BasicBlock, width: 64 },
  34: { blocks: [3, 4, 6, 3], Block: BasicBlock, width: 64 },
  50: { blocks: [3, 4, 6, 3], Block: Bottleneck, width: 64 },
} as const

export type Depth = keyof typeof depths

export interface ResNetOptions extends LayerOptions {
  readonly depth: Depth
  /**
   * `cifar`: a 3x3 convolution of stride 1 and no max-pool, for images of about 32 pixels. `imagenet`: 7x7 of stride 2,
   * then a 3x3 max-pool of stride 2. @default 'cifar'
   */
  readonly stem?: 'cifar' | 'imagenet'
  readonly inputChannels: number
  /** Width of the first stage; it doubles from stage to stage. @default 64, 32 for depth 8 */
  readonly width?: number
  /** Every block begins as the identity. @default false */
  readonly zeroInitResidual?: boolean
}

/**
 * A residual network without its classifier (He et al., 2015, https://arxiv.org/abs/1512.03385): images [N, H, W, C] to
 * features [N, featureDimension] by global average pooling.
 */
export class ResNet extends Module {
  readonly stem: NormedConvolution
  readonly stages: readonly (readonly Module[])[]
  /** The number of features of an image. */
  readonly featureDimension: number
  private readonly pool: boolean

  constructor({
    depth,
    stem = 'cifar',
    inputChannels,
    width: base,
    zeroInitResidual = false,
    ...options
  }: ResNetOptions) {
    super()
    const { generator } = options
    const { blocks, Block, width: usual } = depths[depth]
    const first = base ?? usual
    this.pool = stem === 'imagenet'
    const sizes = this.pool ? { size: 7, stride: 2 } : { size: 3, stride: 1 }
    const split = generator.split('stem')
    this.stem = new NormedConvolution({ ...options, ...sizes, inputs: inputChannels, outputs: first, generator: split })
    let inputs = first
    this.stages = blocks.map((count, stage) => {
      const width = first * 2 ** stage
      return Array.from({ length: count }, (_, i) => {
        const stride = stage > 0 && i === 0 ? 2 : 1
        const stream = generator.split('stages').split(stage).split(i)
        const block = new Block({ ...options, inputs, width, stride, zeroInitResidual, generator: stream })
        inputs = Block.expansion * width
        return block
      })
    })
    this.featureDimension = inputs
  }

  forward(x: Tensor): Tensor {
    let y = this.stem.forward(x, { relu: true })
    if (this.pool) y = maxPool2d(y, { size: 3, stride: 2, padding: 1 })
    for (const block of this.stages.flat()) y = block.forward(y)
    return globalAveragePool(y)
  }
}
