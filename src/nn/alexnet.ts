import { ShapeError } from '../device/errors.js'
import { relu } from '../ops/elementwise.js'
import { localResponseNorm } from '../ops/localResponseNorm.js'
import { maxPool2d, quadrantMaxPool } from '../ops/pool.js'
import { reshape } from '../ops/reshape.js'
import { show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { BatchNorm } from './batchNorm.js'
import { NormedConvolution } from './blocks.js'
import { Conv2d } from './conv2d.js'
import type { LayerOptions } from './initialise.js'
import { Linear } from './linear.js'
import { Module } from './module.js'

export interface AlexNetOptions extends LayerOptions {
  readonly inputChannels: number
  /** Height and width of the images: the last layer is dense. */
  readonly imageSize: number
  /** `cifar`: the first convolution is 5x5 of stride 1. `imagenet`: 11x11 of stride 4. @default 'cifar' */
  readonly stem?: 'cifar' | 'imagenet'
  /** Channels of the first convolution; those of the others, and the features, are to it as published. @default 96 */
  readonly width?: number
  /**
   * `response`: the released tower of Context Prediction, local response norm after the first two pools, and batch norm
   * without scale and shift in the layers after them (without which its dense layers died). `batch`: batch norm in every
   * layer. @default 'response'
   */
  readonly normalisation?: 'response' | 'batch'
}

const first = {
  cifar: { channels: 96, size: 5, stride: 1 },
  imagenet: { channels: 96, size: 11, stride: 4 },
} as const

const others = [
  { channels: 256, size: 5, stride: 1 },
  { channels: 384, size: 3, stride: 1 },
  { channels: 384, size: 3, stride: 1 },
  { channels: 256, size: 3, stride: 1 },
] as const

/** After which convolutions a max-pool stands. */
const pooled: readonly number[] = [0, 1, 4]

/**
 * The tower of Context Prediction (Doersch, Gupta & Efros, 2015, https://arxiv.org/abs/1505.05192, figure 3, as in its
 * released code): CaffeNet up to fc6 (Krizhevsky, Sutskever & Hinton, 2012) without groups. Images
 * [N, imageSize, imageSize, C] to features [N, featureDimension].
 */
export class AlexNet extends Module {
  readonly convolutions: readonly (Conv2d | NormedConvolution)[]
  readonly dense: Linear
  readonly norm: BatchNorm
  readonly featureDimension: number
  readonly evaluationDimension: number
  readonly imageSize: number
  private readonly response: boolean

  constructor({
    inputChannels,
    imageSize,
    stem = 'cifar',
    width = 96,
    normalisation = 'response',
    ...options
  }: AlexNetOptions) {
    super()
    const { generator, device } = options
    this.response = normalisation === 'response'
    this.imageSize = imageSize
    const affine = this.response ? 'none' : 'full'
    const scaled = (channels: number) => Math.round((channels * width) / 96)
    let inputs = inputChannels
    let side = imageSize
    this.convolutions = [first[stem], ...others].map(({ channels, size, stride }, i) => {
      const outputs = scaled(channels)
      const sizes = { inputs, outputs, size, stride, generator: generator.split('convolutions').split(i) }
      inputs = outputs
      side = Math.floor((side - 1) / stride) + 1
      if (pooled.includes(i)) side = pooledSide(side)
      return this.response && i < 2
        ? new Conv2d({ ...options, ...sizes, padding: (size - 1) / 2, bias: true })
        : new NormedConvolution({ ...options, ...sizes, affine })
    })
    this.featureDimension = scaled(4096)
    this.evaluationDimension = 4 * inputs
    const split = generator.split('dense')
    const outputs = this.featureDimension
    this.dense = new Linear({ ...options, inputs: side * side * inputs, outputs, bias: false, generator: split })
    this.norm = new BatchNorm({ channels: outputs, affine, ...(device && { device }) })
  }

  /** @throws ShapeError for images of another size. */
  forward(x: Tensor): Tensor {
    const [batch, height, width] = x.shape
    if (height !== this.imageSize || width !== this.imageSize) {
      throw new ShapeError(`AlexNet: made for images of ${this.imageSize} x ${this.imageSize}, got x ${show(x.shape)}`)
    }
    const y = pool(this.lastMaps(x))
    return this.norm.forward(this.dense.forward(reshape(y, [batch!, -1])), { relu: true })
  }

  /**
   * What it is evaluated by: the largest value of every map of the last convolution in each of its four quarters,
   * [N, evaluationDimension], for images of any size. The dense layer is made for one, which patches have and images have not.
   */
  evaluationFeatures(x: Tensor): Tensor {
    return quadrantMaxPool(this.lastMaps(x))
  }

  /** Of the last convolution, before its pool. */
  private lastMaps(x: Tensor): Tensor {
    return this.convolutions.reduce((before, layer, i) => {
      const y = layer instanceof Conv2d ? relu(layer.forward(before)) : layer.forward(before, { relu: true })
      if (!pooled.includes(i) || i === this.convolutions.length - 1) return y
      const smaller = pool(y)
      return this.response ? localResponseNorm(smaller, { size: 5 }) : smaller
    }, x)
  }
}

function pool(y: Tensor): Tensor {
  return maxPool2d(y, { size: 3, stride: 2, padding: [paddingOf(y.shape[1]!), paddingOf(y.shape[2]!)] })
}

/** Caffe rounds the number of windows up: 24 pixels have 12. Padding makes as many of an even side. */
function paddingOf(side: number): 0 | 1 {
  return side % 2 === 0 || side === 1 ? 1 : 0
}

function pooledSide(side: number): number {
  return Math.floor((side + 2 * paddingOf(side) - 3) / 2) + 1
}
