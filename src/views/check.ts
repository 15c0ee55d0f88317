import { ConfigError } from '../device/errors.js'
import type { ExemplarColours, MoveSpec, Range, ViewSpec } from './spec.js'

/** @throws ConfigError naming the field that is out of range. */
export function checkView(spec: ViewSpec): void {
  for (const side of ['height', 'width'] as const) {
    if (!Number.isInteger(spec[side]) || spec[side] < 1) fail(side, 'a whole number of pixels', spec[side])
  }
  checkPlace(spec)
  checkColours(spec)
  checkLast(spec)
}

function fail(field: string, wanted: string, got: unknown): never {
  throw new ConfigError(`view: ${field} wants ${wanted}, got ${JSON.stringify(got)}`)
}

function probability(field: string, value: number | undefined): void {
  if (value !== undefined && !(value >= 0 && value <= 1)) fail(field, 'a probability', value)
}

function range(field: string, value: Range | undefined, most = Number.POSITIVE_INFINITY): void {
  if (value && !(value[0] > 0 && value[0] <= value[1] && value[1] <= most && Number.isFinite(value[1]))) {
    fail(field, `two ascending numbers above 0${Number.isFinite(most) ? `, at most ${most}` : ''}`, value)
  }
}

function atLeastZero(field: string, value: number | undefined, most = Number.MAX_VALUE): void {
  if (value !== undefined && !(value >= 0 && value <= most)) {
    fail(field, most < Number.MAX_VALUE ? `a number from 0 to ${most}` : 'a number of at least 0', value)
  }
}

/** What is shown of the image, and how it is sampled. */
function checkPlace({ crop, move, flip, rotation, pixelate, interpolation }: ViewSpec): void {
  range('crop.area', crop?.area, 1)
  range('crop.aspect', crop?.aspect)
  if (crop && move) fail('move', 'to be alone, without crop', move)
  if (move) checkMove(move)
  probability('flip', flip)
  if (!Number.isFinite(rotation) || rotation < 0) fail('rotation', 'an angle of at least 0', rotation)
  if (!pixelate) return
  probability('pixelate.probability', pixelate.probability)
  range('pixelate.pixels', pixelate.pixels)
  if (pixelate.pixels[0] < 1) fail('pixelate.pixels', 'at least one pixel', pixelate.pixels)
  if (interpolation !== 'bilinear') fail('interpolation', 'bilinear, because of pixelate', interpolation)
  if (rotation > 0) fail('rotation', '0, because of pixelate', rotation)
}

function checkMove(move: MoveSpec): void {
  if (move.kind === 'shift') {
    if (!Number.isInteger(move.pixels) || move.pixels < 0) fail('move.pixels', 'a whole number', move.pixels)
    return
  }
  range('move.extent', [move.extent, move.extent], 1)
  range('move.scale', move.scale)
  atLeastZero('move.shift', move.shift)
}

function checkColours({ jitter, colours, greyscale, normalise }: ViewSpec): void {
  const channels = normalise.mean.length
  probability('greyscale', greyscale)
  probability('jitter.probability', jitter?.probability)
  for (const name of ['brightness', 'contrast', 'saturation'] as const) atLeastZero(`jitter.${name}`, jitter?.[name])
  atLeastZero('jitter.hue', jitter?.hue, 0.5)
  if (jitter && colours) fail('colours', 'to be alone, without jitter', colours)
  if (colours?.kind === 'projection' && channels !== 3) fail('colours', 'three channels to project', normalise)
  if (colours?.kind === 'exemplar') checkExemplar(colours, channels)
}

function checkExemplar(colours: ExemplarColours, channels: number): void {
  const { components, contrast, power, factor, summand, hue } = colours
  if (
    components.length !== channels ||
    components.some(row => row.length !== channels || !row.every(Number.isFinite))
  ) {
    fail('colours.components', `${channels} rows of ${channels} numbers`, components)
  }
  range('colours.contrast', contrast)
  range('colours.power', power)
  range('colours.factor', factor)
  atLeastZero('colours.summand', summand)
  atLeastZero('colours.hue', hue, 0.5)
}

/** Blur and what comes after it. */
function checkLast({ blur, solarise, normalise, standardise, dropChannels, noise }: ViewSpec): void {
  range('blur.sigma', blur?.sigma)
  probability('blur.probability', blur?.probability)
  probability('blur.fraction', blur?.fraction)
  probability('solarise.probability', solarise?.probability)
  const { mean, std } = normalise
  if (mean.length !== std.length || (mean.length !== 1 && mean.length !== 3) || !std.every(value => value > 0)) {
    fail('normalise', 'one or three means and as many positive deviations', normalise)
  }
  if (standardise && blur) fail('blur', 'to be left out, because of standardise', blur)
  if (dropChannels && !standardise) fail('dropChannels', "standardise 'mean' or 'full' beside it", standardise)
  if (dropChannels && mean.length !== 3) fail('dropChannels', 'three channels', normalise)
  atLeastZero('noise', noise)
}
