import { ShapeError } from '../device/errors.js'
import { relu } from '../ops/elementwise.js'
import { maxPool2d, quadrantMaxPool } from '../ops/pool.js'
import { reshape } from '../ops/reshape.js'
import { concat } from '../ops/shape.js'
import { show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { Conv2d } from './conv2d.js'
import { Dropout, type DropoutOptions } from './dropout.js'
import type { LayerOptions } from './initialise.js'
import { Linear } from './linear.js'
import { Module } from './module.js'

/** Channels of the convolutions and of the dense layer: 64c5-64c5-128f and so on. */
const sizes = {
  small: { convolutions: [64, 64], dense: 128 },
  medium: { convolutions: [64, 128, 256], dense: 512 },
  large: { convolutions: [92, 256, 512], dense: 1024 },
} as const

export interface ExemplarNetOptions extends LayerOptions {
  readonly size: keyof typeof sizes
  readonly inputChannels: number
  /** Height and width of the patches that it is trained on: the last layer is dense. @default 32 */
  readonly imageSize?: number
  /** Channels of the first convolution; those of the others are to it as published. */
  readonly width?: number
  /** On the dense layer. @default none */
  readonly dropout?: DropoutOptions
}

/**
 * The networks of Exemplar-CNN (Dosovitskiy et al., 2014, https://arxiv.org/abs/1406.6909): 5x5 convolutions
 * with ReLU, a 2x2 max-pool after the first two, a dense layer with ReLU and dropout. Images
 * [N, imageSize, imageSize, C] to features [N, featureDimension]. The paper does not say how convolutions are padded;
 * here they keep the size of their maps, so that four quarters remain of the last.
 */
export class ExemplarNet extends Module {
  readonly convolutions: readonly Conv2d[]
  readonly dense: Linear
  readonly dropout: Dropout | undefined
  readonly featureDimension: number
  readonly evaluationDimension: number
  readonly imageSize: number

  constructor({ size, inputChannels, imageSize = 32, width, dropout, ...options }: ExemplarNetOptions) {
    super()
    const { generator } = options
    const published = sizes[size]
    const scaled = (channels: number) =>
      Math.round((channels * (width ?? published.convolutions[0])) / published.convolutions[0])
    this.imageSize = imageSize
    const channels = published.convolutions.map(scaled)
    this.convolutions = channels.map((outputs, i) => {
      const inputs = i === 0 ? inputChannels : channels[i - 1]!
      const split = generator.split('convolutions').split(i)
      return new Conv2d({ ...options, inputs, outputs, size: 5, padding: 2, bias: true, generator: split })
    })
    this.featureDimension = scaled(published.dense)
    this.evaluationDimension = 4 * channels.reduce((sum, count) => sum + count)
    const side = Math.floor(imageSize / 4)
    const inputs = side * side * channels.at(-1)!
    this.dense = new Linear({ ...options, inputs, outputs: this.featureDimension, generator: generator.split('dense') })
    if (dropout) this.dropout = new Dropout(dropout)
  }

  /** @throws ShapeError for images of another size. */
  forward(x: Tensor): Tensor {
    const { imageSize } = this
    if (x.shape[1] !== imageSize || x.shape[2] !== imageSize) {
      throw new ShapeError(`ExemplarNet: made for images of ${imageSize} x ${imageSize}, got x ${show(x.shape)}`)
    }
    const maps = this.maps(x)
    const last = maps.at(-1)!
    const y = maps.length <= 2 ? pool(last) : last
    const features = this.dense.forward(reshape(y, [x.shape[0]!, -1]), { relu: true })
    return this.dropout?.forward(features) ?? features
  }

  /** What each convolution makes of images [N, H, W, C] of any size, after its ReLU and before the pool. */
  maps(x: Tensor): Tensor[] {
    const maps: Tensor[] = []
    for (const convolution of this.convolutions) {
      const before = maps.at(-1)
      maps.push(relu(convolution.forward(before ? pool(before) : x)))
    }
    return maps
  }

  /**
   * What the paper evaluates: the largest value of every map in each of its four quarters, those of all convolutions
   * behind each other: [N, evaluationDimension], for images of any size from 8 pixels on.
   */
  evaluationFeatures(x: Tensor): Tensor {
    return concat(this.maps(x).map(quadrantMaxPool), 1)
  }
}

function pool(x: Tensor): Tensor {
  return maxPool2d(x, { size: 2 })
}
