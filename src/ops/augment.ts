import { ConfigError, ShapeError } from '../device/errors.js'
import { show } from '../tensor/shape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import './augment.plan.js'
import type { AugmentStructure } from './augment.plan.js'

export type { AugmentStructure, Interpolation, Padding } from './augment.plan.js'

/**
 * The float32 numbers that say what happens to one image of one view: how many, and where each lies.
 *
 *    0 …  5  affine: source x = p0·x + p1·y + p2 and source y = p3·x + p4·y + p5, in pixels, from output pixel (x, y)
 *    6       greyscale: 1 turns the image grey
 *    7       solarise: values of at least this are inverted; above 1 for none
 *    8 … 11  crop: first column, first row, last column, last row that padding `border` lets in
 *   12 … 15  order: four codes of `ADJUSTMENTS`, carried out one after the other; 0 for nothing
 *   16 … 19  factors: brightness, contrast, saturation; the hue's shift in turns
 *   20 … 21  cosine and sine of the hue's shift (for hue `yiq`)
 *   22       blur: σ of the Gaussian in pixels, 0 for none
 *   23       cells: points along each side that interpolation `pixelated` goes through, 0 for all
 *   24       noise: σ of what is added last
 *   25 … 26  key: of the noise, two whole numbers below 2²⁴
 *   27       kept: the one channel that is kept, from 1; 0 for all
 *   28 … 33  curve: power, factor and summand of the saturation, the same of the value
 *   34 … 35  nothing, zero
 *   36 … 47  matrix: for each channel its weights of red, green and blue, and a summand
 */
export const PARAMETERS = 48
export const AT = {
  affine: 0,
  greyscale: 6,
  solarise: 7,
  crop: 8,
  order: 12,
  factors: 16,
  hue: 20,
  blur: 22,
  cells: 23,
  noise: 24,
  key: 25,
  kept: 27,
  curve: 28,
  matrix: 36,
} as const
/** `matrix` alone lets values leave [0, 1]; `curve` brings them back first. */
export const ADJUSTMENTS = {
  none: 0,
  brightness: 1,
  contrast: 2,
  saturation: 3,
  hue: 4,
  matrix: 5,
  curve: 6,
} as const

/**
 * Views of a batch of images, as the parameters say (host: `drawView`), normalised. One dispatch samples; another
 * adjusts colours, where the structure does; blur, or a mean that every view has of its own, takes a third.
 * Sampling does not antialias. No gradient.
 *
 * Noise is drawn on the device: channel c of pixel i of an image takes word c of the Philox block with counter
 * (i, 0, 0, tag) and the image's key, turned into a normal number.
 *
 * @param images uint8 `[B, H, W, C]`, C 1 or 3
 * @param parameters float32 `[V·B, 48]`: V views of every image, all of view 0 first
 * @returns float32 `[V·B, height, width, C]`
 * @throws ShapeError, DtypeError, ConfigError
 */
export function augment(images: Tensor, parameters: Tensor, structure: AugmentStructure): Tensor {
  wantDtype('augment', 'uint8', images)
  wantDtype('augment', 'float32', parameters)
  const [batch, sourceHeight, sourceWidth, channels] = imageShape('augment', images)
  const [rows, columns] = parameters.shape
  if (parameters.rank !== 2 || columns !== PARAMETERS || rows! % batch !== 0) {
    throw new ShapeError(
      `augment: wants parameters [V·${batch},${PARAMETERS}] for images ${show(images.shape)}, got ${show(parameters.shape)}`,
    )
  }
  const { height, width, mean, deviation } = structure
  checkChannels('augment', channels, mean, deviation)
  if (structure.standardise !== 'none' && structure.blurRadius > 0) {
    throw new ConfigError(
      `augment: wants no blur where a view has its own mean, got a radius of ${structure.blurRadius}`,
    )
  }
  const out = empty([rows!, height, width, channels], 'float32', images.device)
  images.device.launch({
    op: 'augment',
    ...structure,
    images: images.slice,
    parameters: parameters.slice,
    out: out.slice,
    batch,
    views: rows! / batch,
    sourceHeight,
    sourceWidth,
    channels,
  })
  return out
}

/**
 * Images as an encoder wants them for evaluation: (images / 255 − mean) / deviation. No gradient.
 *
 * @param images uint8 `[B, H, W, C]`, C 1 or 3
 * @param mean and @param deviation of each channel of images in [0, 1]
 * @returns float32 of the same shape
 * @throws ShapeError, DtypeError, ConfigError
 */
export function normaliseImages(images: Tensor, mean: readonly number[], deviation: readonly number[]): Tensor {
  wantDtype('normaliseImages', 'uint8', images)
  const [, , , channels] = imageShape('normaliseImages', images)
  checkChannels('normaliseImages', channels, mean, deviation)
  const out = empty(images.shape, 'float32', images.device)
  const { size: count } = images
  images.device.launch({
    op: 'normaliseImages',
    images: images.slice,
    out: out.slice,
    count,
    channels,
    mean,
    deviation,
  })
  return out
}

/**
 * Picks images out of pages: out[b] = image number indices[b] of all pages one after the other. One launch a page.
 * An index that no page has leaves bytes of no meaning. No gradient.
 *
 * @param pages uint8 `[count, H, W, C]` each, with the same H, W and C
 * @param indices int32 `[B]`
 * @returns uint8 `[B, H, W, C]`
 * @throws ShapeError, DtypeError
 */
export function gatherImages(pages: readonly Tensor[], indices: Tensor): Tensor {
  wantDtype('gatherImages', 'uint8', ...pages)
  wantDtype('gatherImages', 'int32', indices)
  const [, ...image] = pages[0]?.shape ?? []
  const other = pages.find(({ shape }) => show(shape.slice(1)) !== show(image))
  if (image.length !== 3 || other || indices.rank !== 1) {
    const shapes = pages.map(({ shape }) => show(shape)).join(' ')
    throw new ShapeError(
      `gatherImages: wants pages [N,H,W,C] of one image size and indices [B], got ${shapes || 'no page'} and ${show(indices.shape)}`,
    )
  }
  const batch = indices.size
  const out = empty([batch, ...image], 'uint8', indices.device)
  let first = 0
  for (const page of pages) {
    const images = page.shape[0]!
    out.device.launch({
      op: 'gatherImages',
      page: page.slice,
      indices: indices.slice,
      out: out.slice,
      batch,
      imageBytes: page.size / images,
      first,
      images,
    })
    first += images
  }
  return out
}

function imageShape(name: string, { shape }: Tensor): [number, number, number, number] {
  const [batch, height, width, channels] = shape
  if (shape.length !== 4 || (channels !== 1 && channels !== 3)) {
    throw new ShapeError(`${name}: wants images [B,H,W,1] or [B,H,W,3], got ${show(shape)}`)
  }
  return [batch!, height!, width!, channels]
}

function checkChannels(name: string, channels: number, mean: readonly number[], deviation: readonly number[]): void {
  if (mean.length !== channels || deviation.length !== channels || !deviation.every(value => value > 0)) {
    throw new ConfigError(
      `${name}: wants ${channels} means and as many positive deviations, got ${show(mean)} and ${show(deviation)}`,
    )
  }
}
