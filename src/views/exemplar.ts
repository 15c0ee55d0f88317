import { ConfigError } from '../device/errors.js'
import { eigh64 } from '../tensor/linalg.js'
import type { Basics } from './presets.js'
import type { ViewSpec } from './spec.js'

/** Images on the host, `[count, height, width, channels]`, row major, one byte a value. */
export interface ByteImages {
  readonly images: Uint8Array
  readonly count: number
  readonly height: number
  readonly width: number
  readonly channels: number
}

export interface ExemplarOptions extends Basics {
  /** The principal components of the data set's colours, from `colourComponents`. */
  readonly components: readonly (readonly number[])[]
  /**
   * How much of a seed's width and height the patch has, the rest being what a move or a turn brings into sight. 1: the
   * seed is the patch, and beyond it lies its mirror image; beyond a grey one its edge, because a mirrored stroke of a
   * digit is another stroke.
   */
  readonly extent?: number
}

/**
 * The transformations of Exemplar-CNN (Dosovitskiy et al. 2014; arXiv 1406.6909v2, section 3.1): a patch is moved by up
 * to a fifth of its side, scaled by 0.7 to 1.4, turned by up to 20°; the principal components of its colours are scaled
 * by 0.5 to 2, each by its own factor; saturation and value are raised to a power of 0.25 to 4, multiplied by 0.7 to 1.4
 * and shifted by up to 0.1; the hue is shifted by up to 0.1. A grey patch has its one component and its value.
 *
 * The paper gives ranges only. Here factors and powers are log-uniform, so that a change is as likely as its inverse.
 */
export function exemplarView({ size, mean, std, components, extent = 1 }: ExemplarOptions): ViewSpec {
  return {
    height: size,
    width: size,
    move: { kind: 'similarity', extent, shift: 0.2, scale: [0.7, 1.4] },
    interpolation: 'bilinear',
    padding: mean.length === 1 ? 'border' : 'reflection',
    flip: 0,
    rotation: Math.PI / 9,
    colours: {
      kind: 'exemplar',
      components,
      contrast: [0.5, 2],
      power: [0.25, 4],
      factor: [0.7, 1.4],
      summand: 0.1,
      hue: 0.1,
    },
    greyscale: 0,
    normalise: { mean, std },
  }
}

/**
 * The directions in which the colours of all pixels vary, uncorrelated with each other: the eigenvectors of their
 * covariance, as columns `[channels, channels]`, the direction of the largest variance first. Summed up in whole numbers,
 * so that the result does not depend on an order.
 *
 * @throws ConfigError when there are no images
 */
export function colourComponents({ images, channels, count }: ByteImages): number[][] {
  if (count === 0) throw new ConfigError('colourComponents: wants at least one image, got none')
  const pixels = images.length / channels
  const sums = new Float64Array(channels)
  const products = new Float64Array(channels * channels)
  for (let at = 0; at < images.length; at += channels) {
    for (let i = 0; i < channels; i++) {
      const value = images[at + i]!
      sums[i]! += value
      for (let j = 0; j <= i; j++) products[i * channels + j]! += value * images[at + j]!
    }
  }
  const covariance = products.map((product, at) => {
    const [i, j] = [Math.floor(at / channels), at % channels]
    return j <= i ? product / pixels - (sums[i]! / pixels) * (sums[j]! / pixels) : 0
  })
  const { vectors } = eigh64(covariance, channels)
  return Array.from({ length: channels }, (_, i) =>
    Array.from({ length: channels }, (_, k) => vectors[i * channels + channels - 1 - k]!),
  )
}
