import { ADJUSTMENTS, AT, PARAMETERS } from '../ops/augment.js'
import type { Generator } from '../tensor/philox.js'
import { checkView } from './check.js'
import type { CropSpec, JitterSpec, MoveSpec, ViewSpec } from './spec.js'

/** The part of the source that a view shows, as fractions of its width and height: centre from −1 to 1, and extent. */
interface Box {
  readonly centreX: number
  readonly centreY: number
  readonly width: number
  readonly height: number
  /** The first column and row and the last ones that the padding `border` shows. */
  readonly edges: readonly [number, number, number, number]
}

export interface Size {
  readonly height: number
  readonly width: number
}

/**
 * Draws one view of each of `count` images, in float64, rounded once. One image after the other, so that the first
 * images of a longer draw are those of a shorter one.
 *
 * @param source the size of the images the view is taken of
 * @returns `[count, 24]`, laid out as `ops/augment.ts` says
 * @throws ConfigError for a view whose numbers make no sense
 */
export function drawView(spec: ViewSpec, generator: Generator, count: number, source: Size): Float32Array {
  checkView(spec)
  const parameters = new Float32Array(count * PARAMETERS)
  for (let i = 0; i < count; i++) {
    drawImage(spec, generator, source, parameters.subarray(i * PARAMETERS, (i + 1) * PARAMETERS))
  }
  return parameters
}

function drawImage(spec: ViewSpec, generator: Generator, source: Size, out: Float32Array): void {
  const chance = (probability: number) => generator.uniform() < probability
  const box = spec.crop
    ? drawCrop(spec.crop, generator, source)
    : spec.move
      ? drawMove(spec.move, generator, source)
      : rectangle(0, 0, source.width, source.height, source)
  const mirror = chance(spec.flip) ? -1 : 1
  const angle = generator.uniform(-spec.rotation, spec.rotation)
  out.set(affine(box, mirror, angle, source, spec), AT.affine)
  out.set(box.edges, AT.crop)
  if (spec.jitter) drawJitter(spec.jitter, generator, out)
  const grey = chance(spec.greyscale)
  out[AT.greyscale] = grey ? 1 : 0
  // Brightness and contrast of an image and of its grey version differ only where a channel leaves [0, 1].
  if (grey && spec.greyscaleFirst) leaveOut(out, ADJUSTMENTS.saturation, ADJUSTMENTS.hue)
  if (spec.blur) {
    const sigma = generator.uniform(...spec.blur.sigma)
    out[AT.blur] = chance(spec.blur.probability) ? sigma : 0
  }
  out[AT.solarise] = spec.solarise && chance(spec.solarise.probability) ? spec.solarise.threshold : 2
}

function drawCrop(crop: CropSpec, generator: Generator, source: Size): Box {
  const area = () => generator.uniform(...crop.area)
  const aspect = () => Math.exp(generator.uniform(Math.log(crop.aspect[0]), Math.log(crop.aspect[1])))
  if (crop.kind === 'affine') {
    const drawn = { area: area(), aspect: aspect() }
    const width = Math.min(1, Math.sqrt(drawn.area * drawn.aspect))
    const height = Math.min(1, Math.sqrt(drawn.area / drawn.aspect))
    const centreX = generator.uniform(-1, 1) * (1 - width)
    const centreY = generator.uniform(-1, 1) * (1 - height)
    return { centreX, centreY, width, height, edges: wholeOf(source) }
  }
  for (let attempt = 0; attempt < 10; attempt++) {
    const pixels = area() * source.height * source.width
    const ratio = aspect()
    const width = Math.round(Math.sqrt(pixels * ratio))
    const height = Math.round(Math.sqrt(pixels / ratio))
    if (width < 1 || height < 1 || width > source.width || height > source.height) continue
    const top = generator.integer(source.height - height + 1)
    return rectangle(generator.integer(source.width - width + 1), top, width, height, source)
  }
  const ratio = Math.min(Math.max(source.width / source.height, crop.aspect[0]), crop.aspect[1])
  const width = Math.max(1, Math.min(source.width, Math.round(source.height * ratio)))
  const height = Math.max(1, Math.min(source.height, Math.round(source.width / ratio)))
  const [left, top] = [Math.floor((source.width - width) / 2), Math.floor((source.height - height) / 2)]
  return rectangle(left, top, width, height, source)
}

function drawMove({ pixels }: MoveSpec, generator: Generator, source: Size): Box {
  const move = () => generator.integer(2 * pixels + 1) - pixels
  const left = move()
  return { ...rectangle(left, move(), source.width, source.height, source), edges: wholeOf(source) }
}

function wholeOf({ width, height }: Size): Box['edges'] {
  return [0, 0, width - 1, height - 1]
}

function rectangle(left: number, top: number, width: number, height: number, source: Size): Box {
  return {
    centreX: (2 * left + width) / source.width - 1,
    centreY: (2 * top + height) / source.height - 1,
    width: width / source.width,
    height: height / source.height,
    edges: [left, top, left + width - 1, top + height - 1],
  }
}

/**
 * The map from output to source. Over coordinates u, v from −1 to 1 between the outer edges it is
 *
 *   (w·mirror·cos φ  −h·sin φ) (u)   (centre x)
 *   (w·mirror·sin φ   h·cos φ) (v) + (centre y)
 *
 * and here in pixels, where u = (2x + 1) / width − 1 and source x = ((1 + source u)·source width − 1) / 2.
 */
function affine(box: Box, mirror: number, angle: number, source: Size, { height, width }: Size): number[] {
  const cosine = Math.cos(angle)
  const sine = Math.sin(angle)
  const rows = [
    [box.width * mirror * cosine, -box.height * sine, box.centreX, source.width],
    [box.width * mirror * sine, box.height * cosine, box.centreY, source.height],
  ] as const
  return rows.flatMap(([alongU, alongV, centre, extent]) => [
    (alongU * extent) / width,
    (alongV * extent) / height,
    ((alongU * (1 / width - 1) + alongV * (1 / height - 1) + centre + 1) * extent - 1) / 2,
  ])
}

function drawJitter(jitter: JitterSpec, generator: Generator, out: Float32Array): void {
  const codes = [ADJUSTMENTS.brightness, ADJUSTMENTS.contrast, ADJUSTMENTS.saturation, ADJUSTMENTS.hue]
  const strengths = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
  const applies = generator.uniform() < jitter.probability
  const order = jitter.randomOrder ? generator.permutation(4) : [0, 1, 2, 3]
  order.forEach((which: number, place: number) => {
    out[AT.order + place] = applies && strengths[which]! > 0 ? codes[which]! : ADJUSTMENTS.none
  })
  for (let which = 0; which < 3; which++) {
    const strength = strengths[which]!
    out[AT.factors + which] = generator.uniform(Math.max(0, 1 - strength), 1 + strength)
  }
  const turns = generator.uniform(-jitter.hue, jitter.hue)
  out.set([turns], AT.factors + 3)
  out.set([Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)], AT.hue)
}

function leaveOut(out: Float32Array, ...codes: readonly number[]): void {
  for (let place = AT.order; place < AT.order + 4; place++) {
    if (codes.includes(out[place]!)) out[place] = ADJUSTMENTS.none
  }
}
