import { ConfigError } from '../device/errors.js'
import type { Generator } from '../tensor/philox.js'
import { drawViewIn } from './draw.js'
import { type Box, rectangle, type Size } from './place.js'
import type { ViewPlan } from './plan.js'
import { type Range, structureOf, type ViewSpec } from './spec.js'

export interface PatchPairOptions {
  /** Side of a patch; this, the gap and the jitter in pixels of the scaled image. */
  readonly patch: number
  /** Between two neighbours, before they are jittered. */
  readonly gap: number
  /** Each patch is moved by a whole number of pixels from −`jitter` to `jitter` along each axis. */
  readonly jitter: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Pixels that the image is scaled to first, drawn anew every time, aspect kept; absent: it stays as it is. */
  readonly pixels?: Range
  /** Against telling a place by the lens's chromatic aberration; for RGB. */
  readonly aberration?: 'projection' | 'dropping'
  /** Some patches go through fewer pixels: at least `least` a side, at most one less than the patch has. */
  readonly pixelate?: { readonly probability: number; readonly least: number }
  /**
   * What a patch is normalised by, beside the data set's numbers: its own mean, or its own mean and deviation. With
   * `dropping` it is the mean unless said otherwise (the paper); `full` comes near what the code does, which divides a
   * patch by its root mean square.
   */
  readonly standardise?: 'mean' | 'full'
}

/** Where the second patch lies from the first: column and row of target 0 … 7. */
export const NEIGHBOURS: readonly (readonly [number, number])[] = [
  [-1, -1],
  [0, -1],
  [1, -1],
  [-1, 0],
  [1, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
]

/**
 * Two neighbouring patches of a grid that lies anywhere in the image; the target says which of its eight neighbours the
 * first is shown with, row by row (Doersch, Gupta & Efros 2015, section 3; `train.py` of github.com/cdoersch/deepcontext,
 * where patches have 96 pixels a side, gaps 48, the jitter is 7, the image has 150,000 to 450,000 pixels, and a third of
 * the patches goes through 10 to 95 pixels a side). Jittered patches lie within the image; the code pushes those back
 * that do not. `draw` throws a ConfigError for images in which two neighbours have no room.
 *
 * @throws ConfigError for sizes that are not whole
 */
export function patchPair(options: PatchPairOptions): ViewPlan {
  const { patch, gap, jitter, pixels } = options
  for (const [name, least] of [
    ['patch', 1],
    ['gap', 0],
    ['jitter', 0],
  ] as const) {
    const value = options[name]
    if (Number.isInteger(value) && value >= least) continue
    throw new ConfigError(`patchPair: ${name} wants a whole number of pixels, at least ${least}, got ${value}`)
  }
  const spec = specOf(options)
  const structure = structureOf(spec)
  return {
    structures: [structure, structure],
    targetsPerImage: 1,
    draw(generator, count, source) {
      checkRoom(options, source)
      const places = generator.split('places')
      const targets = new Int32Array(count)
      const pairs: (readonly [Box, Box])[] = []
      for (let i = 0; i < count; i++) {
        const scale = pixels ? scaleTo(places.uniform(...pixels), source) : 1
        targets[i] = places.integer(NEIGHBOURS.length)
        const offset = NEIGHBOURS[targets[i]!]!
        const [across, down] = [source.width * scale, source.height * scale]
        const left = drawPair(places, offset[0] * (patch + gap), across, patch, jitter)
        const top = drawPair(places, offset[1] * (patch + gap), down, patch, jitter)
        const box = (which: 0 | 1) => boxOf(left[which] / scale, top[which] / scale, patch / scale, source)
        pairs.push([box(0), box(1)])
      }
      const parameters = ([0, 1] as const).map(which =>
        drawViewIn(spec, generator.split(which), count, source, i => pairs[i]![which]),
      )
      return { parameters, targets }
    },
  }
}

function specOf({ patch, mean, std, aberration, pixelate, standardise }: PatchPairOptions): ViewSpec {
  const own = standardise ?? (aberration === 'dropping' ? 'mean' : undefined)
  return {
    height: patch,
    width: patch,
    interpolation: 'bilinear',
    padding: 'border',
    flip: 0,
    rotation: 0,
    ...(pixelate && {
      pixelate: { probability: pixelate.probability, pixels: [pixelate.least ** 2, (patch - 1) ** 2] },
    }),
    ...(aberration === 'projection' && { colours: { kind: 'projection' } }),
    greyscale: 0,
    normalise: { mean, std },
    ...(own && { standardise: own }),
    ...(aberration === 'dropping' && { dropChannels: true }),
  }
}

/** Where both patches begin along one axis, the second `step` pixels from the first before they are jittered. */
function drawPair(
  generator: Generator,
  step: number,
  extent: number,
  patch: number,
  jitter: number,
): readonly [number, number] {
  const least = jitter + Math.max(0, -step)
  const most = Math.floor(extent) - jitter - patch - Math.max(0, step)
  const first = least + generator.integer(most - least + 1)
  const move = () => generator.integer(2 * jitter + 1) - jitter
  const moved = first + move()
  return [moved, first + step + move()]
}

/** What lies beside a patch is there to interpolate with. */
function boxOf(left: number, top: number, side: number, source: Size): Box {
  return { ...rectangle(left, top, side, side, source), edges: [0, 0, source.width - 1, source.height - 1] }
}

function scaleTo(pixels: number, { height, width }: Size): number {
  return Math.sqrt(pixels / (height * width))
}

function checkRoom({ patch, gap, jitter, pixels }: PatchPairOptions, source: Size): void {
  const scale = pixels ? scaleTo(pixels[0], source) : 1
  const room = Math.floor(Math.min(source.height, source.width) * scale)
  const wanted = 2 * patch + gap + 2 * jitter
  if (wanted <= room) return
  const scaled = pixels ? `, scaled to ${pixels[0]} pixels ${room} on the shorter side` : ''
  throw new ConfigError(
    `patchPair: two patches of ${patch} with a gap of ${gap} and a jitter of ${jitter} want ${wanted} pixels along each ` +
      `side, the images have ${source.height} × ${source.width}${scaled}; take smaller patches`,
  )
}
