import type { Generator } from '../tensor/philox.js'
import type { CropSpec, MoveSpec, SimilaritySpec, ViewSpec } from './spec.js'

export interface Size {
  readonly height: number
  readonly width: number
}

/** The part of the source that a view shows, as fractions of its width and height: centre from −1 to 1, and extent. */
export interface Box {
  readonly centreX: number
  readonly centreY: number
  readonly width: number
  readonly height: number
  /** The first column and row and the last ones that the padding `border` shows. */
  readonly edges: readonly [number, number, number, number]
}

/** Draws which part of the source one view shows. */
export function drawBox({ crop, move }: ViewSpec, generator: Generator, source: Size): Box {
  if (crop) return drawCrop(crop, generator, source)
  if (move) return drawMove(move, generator, source)
  return rectangle(0, 0, source.width, source.height, source)
}

/** A box in pixels of the source, fractions allowed; `border` shows the whole image where it reaches beyond. */
export function rectangle(left: number, top: number, width: number, height: number, source: Size): Box {
  const inside = (position: number, extent: number) => Math.min(Math.max(position, 0), extent - 1)
  return {
    centreX: (2 * left + width) / source.width - 1,
    centreY: (2 * top + height) / source.height - 1,
    width: width / source.width,
    height: height / source.height,
    edges: [
      inside(Math.floor(left), source.width),
      inside(Math.floor(top), source.height),
      inside(Math.ceil(left + width) - 1, source.width),
      inside(Math.ceil(top + height) - 1, source.height),
    ],
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
export function affine(box: Box, mirror: number, angle: number, source: Size, { height, width }: Size): number[] {
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

function drawCrop(crop: CropSpec, generator: Generator, source: Size): Box {
  const area = () => generator.uniform(...crop.area)
  const aspect = () => logUniform(generator, crop.aspect)
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

function drawMove(move: MoveSpec, generator: Generator, source: Size): Box {
  if (move.kind === 'similarity') return drawSimilarity(move, generator, source)
  const offset = () => generator.integer(2 * move.pixels + 1) - move.pixels
  const left = offset()
  return { ...rectangle(left, offset(), source.width, source.height, source), edges: wholeOf(source) }
}

function drawSimilarity({ extent, shift, scale }: SimilaritySpec, generator: Generator, source: Size): Box {
  // The centre's coordinates reach from −1 to 1, so the box is twice its extent wide in them.
  const centreX = 2 * extent * generator.uniform(-shift, shift)
  const centreY = 2 * extent * generator.uniform(-shift, shift)
  const side = extent * logUniform(generator, scale)
  return { centreX, centreY, width: side, height: side, edges: wholeOf(source) }
}

function wholeOf({ width, height }: Size): Box['edges'] {
  return [0, 0, width - 1, height - 1]
}

/** Between two positive numbers, every ratio as likely as its inverse. */
export function logUniform(generator: Generator, [low, high]: readonly [number, number]): number {
  return Math.exp(generator.uniform(Math.log(low), Math.log(high)))
}
