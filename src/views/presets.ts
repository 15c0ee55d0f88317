import type { ViewSpec } from './spec.js'

interface Basics {
  /** Height and width of the view, in pixels. */
  readonly size: number
  /** Mean and standard deviation of each channel of the data set, images in [0, 1]: one for grey, three for RGB. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/**
 * The view of SimCLR (Chen et al. 2020, appendix A): a crop of 8 to 100 % of the area with an aspect of 3/4 to 4/3,
 * bicubic, flip, colour jitter of strength 0.8 s, 0.8 s, 0.8 s and 0.2 s in random order with probability 0.8,
 * greyscale 0.2, blur 0.5 with σ from 0.1 to 2.
 *
 * Brightness is multiplied (as torchvision and SimCLR v2 do; the code of v1 adds). Contrast and hue follow torchvision.
 *
 * @param options.strength s: 1 for ImageNet, 0.5 for CIFAR-10
 * @param options.blur the paper blurs on ImageNet and not on CIFAR-10
 */
export function simclrView(options: Basics & { readonly strength: number; readonly blur: boolean }): ViewSpec {
  const { size, mean, std, strength, blur } = options
  return {
    height: size,
    width: size,
    crop: { kind: 'rectangle', area: [0.08, 1], aspect: [3 / 4, 4 / 3] },
    interpolation: 'bicubic',
    padding: 'border',
    flip: 0.5,
    rotation: 0,
    jitter: {
      probability: 0.8,
      brightness: 0.8 * strength,
      contrast: 0.8 * strength,
      saturation: 0.8 * strength,
      hue: 0.2 * strength,
      randomOrder: true,
      style: 'torchvision',
    },
    greyscale: 0.2,
    ...(blur && { blur: { probability: 0.5, sigma: [0.1, 2], fraction: 0.1 } }),
    normalise: { mean, std },
  }
}

/**
 * The view of the recipe `peer`, after a PyTorch script whose results ours are compared with. RGB: a box of 20 to
 * 100 % of the area, flip, reflection at the border. Grey: 40 to 100 %, turned by up to 0.35 radians (20°), never
 * flipped, black beyond the border. Both bilinear, jitter 0.4, 0.4, 0.4, 0.1 in that order with probability 0.8; RGB
 * also greyscale 0.2.
 */
export function peerView({ size, mean, std }: Basics): ViewSpec {
  const rgb = mean.length === 3
  return {
    height: size,
    width: size,
    crop: { kind: 'affine', area: [rgb ? 0.2 : 0.4, 1], aspect: [3 / 4, 4 / 3] },
    interpolation: 'bilinear',
    padding: rgb ? 'reflection' : 'zeros',
    flip: rgb ? 0.5 : 0,
    rotation: rgb ? 0 : 0.35,
    jitter: {
      probability: 0.8,
      brightness: 0.4,
      contrast: 0.4,
      saturation: 0.4,
      hue: 0.1,
      randomOrder: false,
      style: 'yiq',
    },
    greyscale: rgb ? 0.2 : 0,
    normalise: { mean, std },
  }
}
