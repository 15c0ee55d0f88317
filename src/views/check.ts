import { ConfigError } from '../device/errors.js'
import type { Range, ViewSpec } from './spec.js'

/** @throws ConfigError naming the field that is out of range. */
export function checkView(spec: ViewSpec): void {
  const { crop, move, jitter, blur, solarise } = spec
  const fail = (field: string, wanted: string, got: unknown) => {
    throw new ConfigError(`view: ${field} wants ${wanted}, got ${JSON.stringify(got)}`)
  }
  const probability = (field: string, value: number | undefined) => {
    if (value !== undefined && !(value >= 0 && value <= 1)) fail(field, 'a probability', value)
  }
  const range = (field: string, value: Range | undefined, most: number) => {
    if (value && !(value[0] > 0 && value[0] <= value[1] && value[1] <= most)) {
      fail(field, `two ascending numbers above 0${Number.isFinite(most) ? `, at most ${most}` : ''}`, value)
    }
  }
  for (const side of ['height', 'width'] as const) {
    if (!Number.isInteger(spec[side]) || spec[side] < 1) fail(side, 'a whole number of pixels', spec[side])
  }
  range('crop.area', crop?.area, 1)
  range('crop.aspect', crop?.aspect, Number.POSITIVE_INFINITY)
  if (crop && move) fail('move', 'to be alone, without crop', move)
  if (move && !(Number.isInteger(move.pixels) && move.pixels >= 0)) fail('move.pixels', 'a whole number', move.pixels)
  range('blur.sigma', blur?.sigma, Number.POSITIVE_INFINITY)
  probability('flip', spec.flip)
  probability('greyscale', spec.greyscale)
  probability('jitter.probability', jitter?.probability)
  probability('blur.probability', blur?.probability)
  probability('blur.fraction', blur?.fraction)
  probability('solarise.probability', solarise?.probability)
  if (!Number.isFinite(spec.rotation) || spec.rotation < 0) fail('rotation', 'an angle of at least 0', spec.rotation)
  for (const name of ['brightness', 'contrast', 'saturation', 'hue'] as const) {
    const value = jitter?.[name] ?? 0
    if (!(value >= 0 && (name !== 'hue' || value <= 0.5))) {
      fail(`jitter.${name}`, name === 'hue' ? '0 to 0.5 turns' : 'a number of at least 0', value)
    }
  }
  const { mean, std } = spec.normalise
  if (mean.length !== std.length || (mean.length !== 1 && mean.length !== 3) || !std.every(value => value > 0)) {
    fail('normalise', 'one or three means and as many positive deviations', spec.normalise)
  }
}
