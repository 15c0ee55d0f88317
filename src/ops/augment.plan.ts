import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'

/**
 * `pixelated` is bilinear from a coarse grid that is itself sampled bilinearly, as if an image were scaled down and up
 * again: for maps that turn nothing.
 */
export type Interpolation = 'bilinear' | 'bicubic' | 'pixelated'
/** What lies beyond the image. `border` repeats the edge of the crop that the parameters name. */
export type Padding = 'zeros' | 'reflection' | 'border'

/** What a view does to every image; how much is in the parameters of each image. It decides which launches there are. */
export interface AugmentStructure {
  readonly height: number
  readonly width: number
  readonly interpolation: Interpolation
  readonly padding: Padding
  /** Whether colours are adjusted or turned grey at all. */
  readonly colour: boolean
  /** What contrast blends with: the mean of the grey image, the mean over pixels and channels, or there is none. */
  readonly contrast: 'luma' | 'average' | 'none'
  readonly hue: 'hsv' | 'yiq'
  /** Whether the adjustments `matrix` and `curve` may occur. */
  readonly curves: boolean
  /** Of the Gaussian, in pixels; 0 where no image is blurred. */
  readonly blurRadius: number
  /** Of each channel of images in [0, 1]. */
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
  /**
   * What a view is normalised by. `none`: mean and deviation of the data set; `mean`: its own mean of each channel, the
   * deviation of the data set; `full`: its own mean and deviation, the latter at least 1/255. Not where views blur.
   */
  readonly standardise: 'none' | 'mean' | 'full'
  /** Whether noise is added. */
  readonly noise: boolean
}

declare module '../device/launch.js' {
  interface Launches {
    /** `views · batch` images of `height × width` floats from `batch` images of bytes; image n from n mod batch. */
    augment: AugmentStructure & {
      images: Slice
      parameters: Slice
      out: Slice
      batch: number
      views: number
      sourceHeight: number
      sourceWidth: number
      channels: number
    }
    /** (images / 255 − mean) / deviation for `count` bytes, channels last. */
    normaliseImages: {
      images: Slice
      out: Slice
      count: number
      channels: number
      mean: readonly number[]
      deviation: readonly number[]
    }
    /** out[b] = page[indices[b] − first] where that is one of the page's `images`. */
    gatherImages: {
      page: Slice
      indices: Slice
      out: Slice
      batch: number
      imageBytes: number
      first: number
      images: number
    }
  }
}

implement('augment', planAugment)
implement('normaliseImages', planNormaliseImages)
implement('gatherImages', planGatherImages)

/**
 * Three dispatches at most. Sampling; colours, where there are any, and blur along the rows, where there is any; then
 * blur down the columns, or what normalises a view by its own mean, which is known only when all of it is there.
 */
export function planAugment(launch: LaunchOf<'augment'>, { limits }: Target): Dispatch[] {
  const { images, parameters, out, batch, views, channels, height, width, interpolation, padding, blurRadius } = launch
  const { standardise, hue } = launch
  const rows = batch * views * height
  const pixels = rows * width
  const end = standardise !== 'none' ? 'moments' : blurRadius > 0 ? 'blur' : 'finish'
  const adjusted = launch.colour || end !== 'finish'
  const contrast = launch.colour && launch.contrast !== 'none' ? launch.contrast : ''
  const sums = contrast ? [scratch(1, 4 * rows)] : []
  const sampled = end === 'finish' ? out : scratch(0, 4 * pixels * channels)
  // Of every row: its moments, or itself blurred.
  const between = scratch(2, end === 'moments' ? 8 * rows * channels : 4 * pixels * channels)
  const last = { NOISE: launch.noise ? 1 : 0, STANDARDISE: standardise === 'none' ? '' : standardise }
  const shared = { CHANNELS: channels, HUE: hue, CONTRAST: contrast, CURVES: launch.curves ? 1 : 0, ...last }
  const size = { height, width, ...channelParams(launch) }
  const taps = interpolation === 'bilinear' ? 2 : 4
  const grid = fold(tiles(rows, 64), limits)
  const dispatches: Dispatch[] = [
    {
      kernel: 'augment_sample',
      parameters: {
        ...shared,
        INTERPOLATION: interpolation,
        PADDING: padding,
        TAPS: taps,
        FINISH: adjusted ? 0 : 1,
      },
      bindings: [images, parameters, sampled, ...sums],
      params: { rows, batch, source_height: launch.sourceHeight, source_width: launch.sourceWidth, ...size },
      grid,
      work: pixels * channels * taps * taps * 4,
    },
  ]
  if (adjusted) {
    dispatches.push({
      kernel: 'augment_colour',
      parameters: { ...shared, ADJUST: launch.colour ? 1 : 0, END: end, NEXT: 2 + sums.length },
      bindings: [parameters, sampled, ...sums, ...(end === 'finish' ? [] : [between])],
      params: { rows, radius: blurRadius, ...size },
      grid,
      work: pixels * channels * (32 + 2 * blurRadius),
    })
  }
  if (end === 'blur') {
    dispatches.push({
      kernel: 'augment_blur',
      parameters: { CHANNELS: channels, ...last },
      bindings: [parameters, between, out],
      params: { pixels, radius: blurRadius, ...size },
      grid: fold(tiles(pixels, 64), limits),
      work: pixels * channels * (2 * blurRadius + 1),
    })
  }
  if (end === 'moments') {
    dispatches.push({
      kernel: 'augment_standardise',
      parameters: { CHANNELS: channels, ...last },
      bindings: [parameters, sampled, between, out],
      params: { rows, ...size },
      grid,
      work: (pixels + rows * height) * channels,
    })
  }
  return dispatches
}

export function planNormaliseImages(launch: LaunchOf<'normaliseImages'>, { limits }: Target): Dispatch[] {
  const { images, out, count, channels } = launch
  return [
    {
      kernel: 'augment_normalise',
      bindings: [images, out],
      params: { count, channels, ...channelParams(launch) },
      grid: fold(tiles(count, 256), limits),
      work: count,
    },
  ]
}

export function planGatherImages(launch: LaunchOf<'gatherImages'>, { limits }: Target): Dispatch[] {
  const { page, indices, out, batch, imageBytes, first, images } = launch
  const bytes = batch * imageBytes
  const words = tiles(bytes, 4)
  return [
    {
      kernel: 'gather_images',
      parameters: { WHOLE: imageBytes % 4 === 0 ? 1 : 0 },
      bindings: [page, indices, out],
      params: { words, bytes, image_bytes: imageBytes, first, images },
      grid: fold(tiles(words, 64), limits),
      work: words,
    },
  ]
}

/** Mean and deviation of up to three channels, as fields of `struct Params`. */
function channelParams({ mean, deviation }: { mean: readonly number[]; deviation: readonly number[] }) {
  const params: Record<string, number> = {}
  for (let channel = 0; channel < 3; channel++) {
    params[`mean_${channel}`] = mean[channel] ?? 0
    params[`deviation_${channel}`] = deviation[channel] ?? 1
  }
  return params
}
