import { ConfigError } from '../device/errors.js'
import { AT, PARAMETERS } from '../ops/augment.js'
import { drawView } from './draw.js'
import type { ViewPlan } from './plan.js'
import { structureOf, type ViewSpec } from './spec.js'

const TURNS = [0, 1, 2, 3]

/**
 * One view of every image four times: as it is, and turned counterclockwise by 90, 180 and 270 degrees; which of these
 * it is, the position in the list says (RotNet: Gidaris, Singh & Komodakis 2018, section 2.1). A turn moves pixels and
 * resamples nothing: the four differ in nothing else.
 *
 * @throws ConfigError for a view that is not square
 */
export function quarterTurns(spec: ViewSpec): ViewPlan {
  const { height, width } = spec
  if (height !== width) {
    throw new ConfigError(`quarterTurns: wants a square view, got ${height} × ${width} (height × width)`)
  }
  const structure = structureOf(spec)
  return {
    structures: TURNS.map(() => structure),
    targetsPerImage: 0,
    draw(generator, count, source) {
      const upright = drawView(spec, generator, count, source)
      return { parameters: TURNS.map(turns => turned(upright, turns, width)) }
    },
  }
}

/**
 * Pixel (x, y) of an image turned by a quarter is pixel (side − 1 − y, x) of the image: with that in place of x and y,
 * a·x + b·y + c becomes b·x − a·y + (c + a·(side − 1)).
 */
function turned(parameters: Float32Array, turns: number, side: number): Float32Array {
  const out = parameters.slice()
  for (let turn = 0; turn < turns; turn++) {
    for (let at = AT.affine; at < out.length; at += PARAMETERS) {
      for (const row of [at, at + 3]) {
        const [a, b, c] = out.subarray(row, row + 3) as unknown as [number, number, number]
        out.set([b, -a, c + a * (side - 1)], row)
      }
    }
  }
  return out
}
