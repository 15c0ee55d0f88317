import { AT, PARAMETERS } from '../ops/augment.js'
import type { Generator } from '../tensor/philox.js'
import { checkView } from './check.js'
import { drawColours } from './colours.js'
import { affine, type Box, drawBox, type Size } from './place.js'
import { isNoisy, type ViewSpec } from './spec.js'

export type { Size } from './place.js'

/**
 * Draws one view of each of `count` images, in float64, rounded once. One image after the other, so that the first
 * images of a longer draw are those of a shorter one.
 *
 * @param source the size of the images the view is taken of
 * @returns `[count, 48]`, laid out as `ops/augment.ts` says
 * @throws ConfigError for a view whose numbers make no sense
 */
export function drawView(spec: ViewSpec, generator: Generator, count: number, source: Size): Float32Array {
  return drawViewIn(spec, generator, count, source, () => drawBox(spec, generator, source))
}

/** `drawView` of a part of the image that was chosen elsewhere: `boxOf` image i, asked for before anything is drawn. */
export function drawViewIn(
  spec: ViewSpec,
  generator: Generator,
  count: number,
  source: Size,
  boxOf: (image: number) => Box,
): Float32Array {
  checkView(spec)
  const parameters = new Float32Array(count * PARAMETERS)
  for (let i = 0; i < count; i++) {
    drawImage(spec, generator, source, boxOf(i), parameters.subarray(i * PARAMETERS, (i + 1) * PARAMETERS))
  }
  return parameters
}

/** What a view may not do is not drawn either, so that an element that is added changes nothing of views without it. */
function drawImage(spec: ViewSpec, generator: Generator, source: Size, box: Box, out: Float32Array): void {
  const chance = (probability: number) => generator.uniform() < probability
  const mirror = chance(spec.flip) ? -1 : 1
  const angle = generator.uniform(-spec.rotation, spec.rotation)
  out.set(affine(box, mirror, angle, source, spec), AT.affine)
  out.set(box.edges, AT.crop)
  drawColours(spec, generator, out)
  if (spec.blur) {
    const sigma = generator.uniform(...spec.blur.sigma)
    out[AT.blur] = chance(spec.blur.probability) ? sigma : 0
  }
  out[AT.solarise] = spec.solarise && chance(spec.solarise.probability) ? spec.solarise.threshold : 2
  if (spec.pixelate) {
    const cells = Math.floor(Math.sqrt(generator.uniform(...spec.pixelate.pixels)))
    out[AT.cells] = chance(spec.pixelate.probability) ? cells : 0
  }
  if (spec.dropChannels) out[AT.kept] = 1 + generator.integer(3)
  if (isNoisy(spec)) {
    out[AT.noise] = spec.noise ?? 0
    // 24 bits each are whole numbers that a float32 holds.
    out.set([generator.integer(2 ** 24), generator.integer(2 ** 24)], AT.key)
  }
}
