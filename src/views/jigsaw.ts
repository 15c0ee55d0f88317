import { ConfigError } from '../device/errors.js'
import { AT, PARAMETERS } from '../ops/augment.js'
import { drawViewIn } from './draw.js'
import { distantPermutations } from './permutations.js'
import { type Box, rectangle, type Size } from './place.js'
import type { ViewPlan } from './plan.js'
import { structureOf, type ViewSpec } from './spec.js'

export interface JigsawOptions {
  /** Side of each of the nine cells, in pixels of the scaled image. */
  readonly cell: number
  /** Side of the tile that lies anywhere in its cell, so that edges do not continue from one to the next. */
  readonly tile: number
  /** How many permutations there are to tell apart. */
  readonly permutations: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** The shorter side of the image is scaled to this first; absent: it stays as it is. */
  readonly side?: number
  /** Probability that all tiles of an image are grey; for RGB. */
  readonly greyscale?: number
  /** Whether each tile is normalised by its own mean and deviation, so that neither says where it lies. True if absent. */
  readonly standardise?: boolean
}

const GRID = 3
const TILES = [0, 1, 2, 3, 4, 5, 6, 7, 8]

/**
 * The nine tiles of a 3 × 3 grid that lies anywhere in the image, in permuted order: view k is the tile at place p[k],
 * counted row by row, and the target is the number of p among `distantPermutations` (Noroozi & Favaro 2016, section 3:
 * cells of 75 pixels, tiles of 64, of an image whose shorter side is 256; 64 to 1000 permutations; their code turns 30 %
 * of the images grey). `draw` throws a ConfigError for images in which the grid has no room.
 *
 * @throws ConfigError for sizes that are not whole or tiles larger than their cells
 */
export function jigsaw(options: JigsawOptions): ViewPlan {
  const { cell, tile, side, greyscale = 0, mean, standardise = true } = options
  if (!Number.isInteger(cell) || !Number.isInteger(tile) || tile < 1 || tile > cell) {
    throw new ConfigError(`jigsaw: wants whole pixels with 1 ≤ tile ≤ cell, got tile ${tile} and cell ${cell}`)
  }
  const permutations = distantPermutations(options.permutations)
  const spec: ViewSpec = {
    height: tile,
    width: tile,
    interpolation: 'bilinear',
    padding: 'border',
    flip: 0,
    rotation: 0,
    greyscale,
    normalise: { mean, std: options.std },
    ...(standardise && { standardise: 'full' }),
  }
  const structure = structureOf(spec)
  return {
    structures: TILES.map(() => structure),
    targetsPerImage: 1,
    draw(generator, count, source) {
      const scale = side === undefined ? 1 : side / Math.min(source.height, source.width)
      checkRoom(options, source, scale)
      const places = generator.split('places')
      const grey = new Uint8Array(count)
      const targets = new Int32Array(count)
      const boxes: Box[][] = []
      for (let i = 0; i < count; i++) {
        const free = (extent: number) => places.integer(Math.floor(extent * scale) - GRID * cell + 1)
        const [left, top] = [free(source.width), free(source.height)]
        const within = () => places.integer(cell - tile + 1)
        const grid = TILES.map(place => {
          const x = left + (place % GRID) * cell + within()
          const y = top + Math.floor(place / GRID) * cell + within()
          return rectangle(x / scale, y / scale, tile / scale, tile / scale, source)
        })
        targets[i] = places.integer(permutations.length)
        boxes.push(permutations[targets[i]!]!.map(place => grid[place]!))
        grey[i] = places.uniform() < greyscale ? 1 : 0
      }
      const parameters = TILES.map(view => {
        const drawn = drawViewIn(spec, generator.split(view), count, source, i => boxes[i]![view]!)
        // Tiles of one image are grey together.
        for (let i = 0; i < count; i++) drawn[i * PARAMETERS + AT.greyscale] = grey[i]!
        return drawn
      })
      return { parameters, targets }
    },
  }
}

function checkRoom({ cell }: JigsawOptions, source: Size, scale: number): void {
  const room = Math.floor(Math.min(source.height, source.width) * scale)
  if (GRID * cell <= room) return
  const scaled = scale === 1 ? '' : `, scaled to ${room} on the shorter side`
  throw new ConfigError(
    `jigsaw: nine cells of ${cell} want ${GRID * cell} pixels along each side, the images have ` +
      `${source.height} × ${source.width}${scaled}; take cells of at most ${Math.floor(room / GRID)}`,
  )
}
