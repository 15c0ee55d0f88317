import type { Range, ViewSpec } from './spec.js'

/**
 * A published view for images of one channel, for which the papers have none: not flipped, because that makes another
 * digit of a digit, without saturation, hue and greyscale, and with crops of at least `leastArea`, because less of a
 * digit may be none of it.
 */
export function adaptedToGrey(spec: ViewSpec, leastArea = 0.4): ViewSpec {
  const { crop, jitter } = spec
  const atLeast = ([least, most]: Range): Range => [Math.max(leastArea, least), Math.max(leastArea, most)]
  return {
    ...spec,
    ...(crop && { crop: { ...crop, area: atLeast(crop.area) } }),
    ...(jitter && { jitter: { ...jitter, saturation: 0, hue: 0 } }),
    flip: 0,
    greyscale: 0,
  }
}
