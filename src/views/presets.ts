import type { JitterSpec, Range, ViewSpec } from './spec.js'

export interface Basics {
  /** Height and width of the view, in pixels. */
  readonly size: number
  /** Mean and standard deviation of each channel of the data set, images in [0, 1]: one for grey, three for RGB. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** What may be changed of a published view: how strong its jitter is (1 as published), and whether it blurs. */
export interface Adjustable extends Basics {
  readonly strength: number
  readonly blur: boolean
}

/** Brightness, contrast, saturation, hue. */
type Strengths = readonly [number, number, number, number]

const ASPECT: Range = [3 / 4, 4 / 3]
/** As a share of the height: SimCLR's, and the largest that PIL's blur, which has no limit, sees of σ = 2 at 224. */
const KERNEL = 0.1

/** torchvision's jitter, times `strength`. A hue further than half a circle is none. */
function jitterOf(
  probability: number,
  [brightness, contrast, saturation, hue]: Strengths,
  strength: number,
): JitterSpec {
  return {
    probability,
    brightness: brightness * strength,
    contrast: contrast * strength,
    saturation: saturation * strength,
    hue: Math.min(0.5, hue * strength),
    randomOrder: true,
    style: 'torchvision',
  }
}

/** What most contrastive methods share: a crop, flip with probability 1/2, colours, greyscale 0.2, blur of σ 0.1 to 2. */
function photograph(
  { size, mean, std, strength, blur }: Adjustable,
  own: {
    readonly least: number
    readonly interpolation: ViewSpec['interpolation']
    readonly jitter: Strengths
    readonly jitterProbability: number
    readonly blur: number
    readonly solarise?: number
  },
): ViewSpec {
  return {
    height: size,
    width: size,
    crop: { kind: 'rectangle', area: [own.least, 1], aspect: ASPECT },
    interpolation: own.interpolation,
    padding: 'border',
    flip: 0.5,
    rotation: 0,
    jitter: jitterOf(own.jitterProbability, own.jitter, strength),
    greyscale: 0.2,
    ...(blur && own.blur > 0 && { blur: { probability: own.blur, sigma: [0.1, 2], fraction: KERNEL } }),
    ...(own.solarise && { solarise: { probability: own.solarise, threshold: 0.5 } }),
    normalise: { mean, std },
  }
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
export function simclrView(options: Adjustable): ViewSpec {
  const jitter: Strengths = [0.8, 0.8, 0.8, 0.2]
  return photograph(options, { least: 0.08, interpolation: 'bicubic', jitter, jitterProbability: 0.8, blur: 0.5 })
}

/**
 * The view of instance discrimination (Wu et al. 2018; `cifar.py` of github.com/zhirongw/lemniscate.pytorch): a crop of
 * 20 to 100 % of the area, greyscale 0.2, then always jitter of 0.4 for all four. The CIFAR-10 script has no flip
 * (`flip` is commented out there); the one for ImageNet has.
 */
export function npidView(options: Adjustable): ViewSpec {
  return { ...mocoV1View(options), flip: 0 }
}

/** The view of MoCo v1 (He et al. 2020; `main_moco.py` without `--aug-plus`): instance discrimination's, with a flip. */
export function mocoV1View(options: Adjustable): ViewSpec {
  const jitter: Strengths = [0.4, 0.4, 0.4, 0.4]
  const spec = photograph(options, { least: 0.2, interpolation: 'bilinear', jitter, jitterProbability: 1, blur: 0 })
  return { ...spec, greyscaleFirst: true }
}

/**
 * The view of MoCo v2 (Chen, Fan et al. 2020; `main_moco.py --aug-plus`) and, the same, of SimSiam (Chen & He 2021;
 * `main_simsiam.py`): a crop of 20 to 100 %, jitter 0.4, 0.4, 0.4, 0.1 with probability 0.8, blur with probability 1/2.
 * Both leave the blur out on CIFAR-10.
 */
export function mocoV2View(options: Adjustable): ViewSpec {
  const jitter: Strengths = [0.4, 0.4, 0.4, 0.1]
  return photograph(options, { least: 0.2, interpolation: 'bilinear', jitter, jitterProbability: 0.8, blur: 0.5 })
}

/**
 * The two views of BYOL (Grill et al. 2020, appendix B; `byol/utils/augmentations.py` of deepmind-research): a crop of
 * 8 to 100 %, jitter 0.4, 0.4, 0.2, 0.1 with probability 0.8, greyscale 0.2. The first is always blurred, the second
 * with probability 0.1 and solarised with probability 0.2. Barlow Twins and VICReg take the same.
 *
 * Brightness is multiplied, as in Barlow Twins (`main.py`); BYOL's own code adds.
 *
 * @param options.blur false for CIFAR-10: what remains of the asymmetry is the solarisation
 */
export function byolViews(options: Adjustable): [ViewSpec, ViewSpec] {
  const jitter: Strengths = [0.4, 0.4, 0.2, 0.1]
  const shared = { least: 0.08, interpolation: 'bicubic', jitter, jitterProbability: 0.8 } as const
  return [photograph(options, { ...shared, blur: 1 }), photograph(options, { ...shared, blur: 0.1, solarise: 0.2 })]
}

/** The whole image as it is: what a network is asked of when it no longer trains. */
export function wholeView({ size, mean, std }: Basics): ViewSpec {
  return {
    height: size,
    width: size,
    interpolation: 'bilinear',
    padding: 'border',
    flip: 0,
    rotation: 0,
    greyscale: 0,
    normalise: { mean, std },
  }
}

/**
 * What supervised networks on CIFAR-10 see (He et al. 2016, section 4.2): black around the image, as much as an eighth
 * of its side, a crop of the image's size out of that, flip. Nothing happens to colours.
 */
export function supervisedView({ size, mean, std }: Basics): ViewSpec {
  return {
    height: size,
    width: size,
    move: { kind: 'shift', pixels: Math.round(size / 8) },
    interpolation: 'bilinear',
    padding: 'zeros',
    flip: 0.5,
    rotation: 0,
    greyscale: 0,
    normalise: { mean, std },
  }
}

/**
 * The view of Mean Teacher's ConvNet (Tarvainen & Valpola 2017, appendix B.1; `tensorflow/mean_teacher/nn.py`): moved by
 * up to two pixels with the image mirrored at its borders, flip, Gaussian noise of σ = 0.15 on normalised values.
 *
 * The code's mirror lies in the middle of the outermost pixels, ours at their edge; its flip is for CIFAR-10 only.
 */
export function meanTeacherView({ size, mean, std }: Basics): ViewSpec {
  return {
    height: size,
    width: size,
    move: { kind: 'shift', pixels: 2 },
    interpolation: 'bilinear',
    padding: 'reflection',
    flip: 0.5,
    rotation: 0,
    greyscale: 0,
    normalise: { mean, std },
    noise: 0.15,
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
    crop: { kind: 'affine', area: [rgb ? 0.2 : 0.4, 1], aspect: ASPECT },
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
