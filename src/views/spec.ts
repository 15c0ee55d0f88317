import type { AugmentStructure, Padding } from '../ops/augment.js'

export type Range = readonly [number, number]

/**
 * A part of the image of random area and aspect.
 *
 * `rectangle` is torchvision's RandomResizedCrop (Szegedy et al. 2015): whole pixels, area and aspect drawn until the
 * rectangle fits, ten times, then the largest centred one of an allowed aspect.
 *
 * `affine` is a box of fractions: √(area·aspect) wide and √(area/aspect) high, each cut off at 1, its centre uniform
 * over the places where it fits.
 */
export interface CropSpec {
  readonly kind: 'rectangle' | 'affine'
  /** Of the image's area. */
  readonly area: Range
  /** Width over height, log-uniform. */
  readonly aspect: Range
}

/**
 * The whole image, moved by a whole number of pixels from −`pixels` to `pixels` along each axis; what comes into sight
 * is the view's padding. With `zeros` that is the crop out of a padded image of He et al. (2016, section 4.2).
 */
export interface ShiftSpec {
  readonly kind: 'shift'
  readonly pixels: number
}

/**
 * A box around the image's centre, moved and scaled (Exemplar-CNN). It is `extent` of the image wide and high, moved by
 * up to `shift` of that along each axis, uniformly, and then larger by a factor in `scale`, log-uniform.
 */
export interface SimilaritySpec {
  readonly kind: 'similarity'
  readonly extent: number
  readonly shift: number
  readonly scale: Range
}

export type MoveSpec = ShiftSpec | SimilaritySpec

/** Brightness, contrast and saturation are multiplied by U(max(0, 1 − strength), 1 + strength). */
export interface JitterSpec {
  /** That an image is jittered at all. */
  readonly probability: number
  readonly brightness: number
  readonly contrast: number
  readonly saturation: number
  /** The hue is turned by U(−hue, hue) full circles, hue ≤ 1/2. */
  readonly hue: number
  /** Otherwise brightness, contrast, saturation, hue. */
  readonly randomOrder: boolean
  /**
   * `torchvision`: contrast blends with the mean of the grey image, the hue is that of HSV.
   * `yiq`: contrast blends with the mean over pixels and channels, the hue turns in the I,Q plane.
   */
  readonly style: 'torchvision' | 'yiq'
}

/**
 * The contrast and colours of Exemplar-CNN. First each principal component of the pixels' colours, of which the columns
 * of `components` [channels, channels] are the directions, is scaled about the mean of the data set by a factor of its
 * own in `contrast`. Then saturation and value each become factor · xᵖ + summand, with a power, a factor and a summand
 * of its own, and the hue is turned as by a jitter. A grey image has its value only. Powers and factors are log-uniform.
 */
export interface ExemplarColours {
  readonly kind: 'exemplar'
  readonly components: readonly (readonly number[])[]
  readonly contrast: Range
  readonly power: Range
  readonly factor: Range
  /** The summand is drawn from −`summand` to `summand`. */
  readonly summand: number
  readonly hue: number
}

/**
 * Takes from colours the direction from green to magenta, along which a lens's chromatic aberration lies: p ← p·B,
 * B = I − aᵀa / (a·aᵀ), a = (−1, 2, −1) (Doersch et al. 2015, section 3.1). Greys stay as they are.
 */
export interface ColourProjection {
  readonly kind: 'projection'
}

/** A view is plain data: what may happen to an image, in the order of these fields. */
export interface ViewSpec {
  /** Of the view, in pixels. */
  readonly height: number
  readonly width: number
  /** Without it and `move`: the whole image. */
  readonly crop?: CropSpec
  /** In place of a crop. */
  readonly move?: MoveSpec
  readonly interpolation: 'bilinear' | 'bicubic'
  readonly padding: Padding
  /** Probability that left and right are exchanged. */
  readonly flip: number
  /**
   * The largest angle, in radians, uniform to both sides. The turn is in fractions of width and height, not in pixels,
   * and is not corrected for the crop's aspect.
   */
  readonly rotation: number
  /**
   * Scaled down to √U(pixels) pixels a side and up again, both bilinearly and without antialiasing. Only for bilinear
   * views that do not turn.
   */
  readonly pixelate?: { readonly probability: number; readonly pixels: Range }
  readonly jitter?: JitterSpec
  /** In place of a jitter. */
  readonly colours?: ExemplarColours | ColourProjection
  /** Probability of a grey image; only for RGB. */
  readonly greyscale: number
  /** Grey before the jitter, which then turns no hue and has no saturation to change. */
  readonly greyscaleFirst?: boolean
  /**
   * σ in pixels of the view; the kernel reaches half of ⌊fraction · height⌋ pixels to each side, rounded down, at least
   * one. The edge is repeated beyond the image.
   */
  readonly blur?: { readonly probability: number; readonly sigma: Range; readonly fraction: number }
  /** Inverts what is at least `threshold`. */
  readonly solarise?: { readonly probability: number; readonly threshold: number }
  /** Mean and standard deviation of each channel of images in [0, 1]; as many as there are channels. */
  readonly normalise: { readonly mean: readonly number[]; readonly std: readonly number[] }
  /** Each view's own mean of each channel takes the place of the data set's; with `full` also its own deviation. */
  readonly standardise?: 'mean' | 'full'
  /**
   * One channel at random is kept; the others become Gaussian noise of a hundredth of its deviation (Doersch et al.
   * 2015, section 3.1). Only for RGB, and with `standardise`.
   */
  readonly dropChannels?: boolean
  /** σ of Gaussian noise that is added to the normalised values. */
  readonly noise?: number
}

/** What of a view decides the launches: the last argument of `augment`. */
export function structureOf(spec: ViewSpec): AugmentStructure {
  const { height, width, interpolation, padding, jitter, colours, greyscale, blur, normalise } = spec
  const contrast = jitter?.contrast ? (jitter.style === 'yiq' ? 'average' : 'luma') : 'none'
  return {
    height,
    width,
    interpolation: spec.pixelate ? 'pixelated' : interpolation,
    padding,
    colour: jitter !== undefined || colours !== undefined || (greyscale > 0 && normalise.mean.length > 1),
    contrast,
    hue: jitter?.style === 'yiq' ? 'yiq' : 'hsv',
    curves: colours !== undefined,
    blurRadius: blur ? Math.max(1, Math.floor(Math.floor(blur.fraction * height) / 2)) : 0,
    mean: normalise.mean,
    deviation: normalise.std,
    standardise: spec.standardise ?? 'none',
    noise: isNoisy(spec),
  }
}

/** Whether noise is drawn for a view. */
export function isNoisy({ dropChannels = false, noise = 0 }: ViewSpec): boolean {
  return dropChannels || noise > 0
}
