import { ConfigError, DataError } from '../device/errors.js'
import type { Generator } from '../tensor/philox.js'
import type { ByteImages } from './exemplar.js'
import { Urn } from './urn.js'

export interface SeedPatchOptions {
  readonly count: number
  /** Side of a patch, in pixels. */
  readonly size: number
  /** How much of an image's pixels a patch covers a side, as multiples of `size`; scaled down to it. Default: only 1. */
  readonly scales?: readonly number[]
  readonly generator: Generator
}

/** One square of one image that a seed may be cut from. */
interface Source {
  readonly image: number
  /** Side of the squares, in pixels of the image. */
  readonly side: number
}

/**
 * The seeds of Exemplar-CNN's surrogate classes (Dosovitskiy et al. 2014, section 2.1): different squares of the images
 * at any place and scale, each with a probability proportional to the mean over its pixels of the squared magnitude of
 * the gradient, summed over channels. Exactly so: an image and a scale are drawn by the sum over their places, then a
 * place; what was drawn is out of the urn.
 *
 * @returns bytes `[count, size, size, channels]`
 * @throws ConfigError for a size or scale that does not fit into the images
 * @throws DataError when so many different squares that are not flat do not exist
 */
export function seedPatches(
  images: ByteImages,
  { count, size, scales = [1], generator }: SeedPatchOptions,
): Uint8Array {
  const sides = sidesOf(images, size, scales)
  const sources: Source[] = []
  const totals: number[] = []
  for (let image = 0; image < images.count; image++) {
    const sums = gradientSums(images, image)
    for (const side of sides) {
      sources.push({ image, side })
      totals.push(sumOf(weightsOf(images, side, sums)))
    }
  }
  const urn = new Urn(totals)
  const taken = new Map<number, Set<number>>()
  const patchBytes = size * size * images.channels
  const patches = new Uint8Array(count * patchBytes)
  for (let i = 0; i < count; i++) {
    if (!(urn.total > 0)) {
      throw new DataError(
        `seedPatches: wants ${count} squares of ${sides.join(', ')} pixels in ${images.count} images, but there are only ` +
          `${i} that are not flat; take fewer or smaller patches`,
      )
    }
    const drawn = urn.at(generator.uniform() * urn.total)
    const source = sources[drawn]!
    const gone = taken.get(drawn) ?? new Set()
    taken.set(drawn, gone)
    const weights = weightsOf(images, source.side, gradientSums(images, source.image), gone)
    const place = placeAt(weights, generator.uniform() * sumOf(weights))
    gone.add(place)
    weights[place] = 0
    urn.set(drawn, sumOf(weights))
    patches.set(cut(images, source, place, size), i * patchBytes)
  }
  return patches
}

function sidesOf({ height, width }: ByteImages, size: number, scales: readonly number[]): number[] {
  const largest = Math.min(height, width)
  const sides = scales.map(scale => Math.round(scale * size))
  const wrong = sides.find(side => !(side >= size && side <= largest))
  if (!Number.isInteger(size) || size < 1 || wrong !== undefined || sides.length === 0) {
    throw new ConfigError(
      `seedPatches: wants whole patches and scales of at least 1 that fit into images of ${height} × ${width}, got size ` +
        `${size} and scales ${scales.join(', ')}`,
    )
  }
  return [...new Set(sides)]
}

/** The mean squared gradient of every square, by its place row by row; 0 for those that are gone. */
function weightsOf(
  { height, width }: ByteImages,
  side: number,
  sums: Float64Array,
  gone?: ReadonlySet<number>,
): Float64Array {
  const [rows, columns] = [height - side + 1, width - side + 1]
  const stride = width + 1
  const weights = new Float64Array(rows * columns)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [top, bottom] = [y * stride + x, (y + side) * stride + x]
      const sum = sums[bottom + side]! - sums[bottom]! - sums[top + side]! + sums[top]!
      if (!gone?.has(y * columns + x)) weights[y * columns + x] = sum / (side * side)
    }
  }
  return weights
}

/**
 * `[height + 1, width + 1]`: the sum over all pixels above and left of (2·gradient)², by central differences, one-sided at
 * the edges as if the edge were repeated. Whole numbers, so that differences of sums are exact.
 */
function gradientSums({ images, height, width, channels }: ByteImages, image: number): Float64Array {
  const first = image * height * width * channels
  const at = (x: number, y: number, c: number) => images[first + (y * width + x) * channels + c]!
  const sums = new Float64Array((height + 1) * (width + 1))
  for (let y = 0; y < height; y++) {
    let row = 0
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const across = at(Math.min(x + 1, width - 1), y, c) - at(Math.max(x - 1, 0), y, c)
        const down = at(x, Math.min(y + 1, height - 1), c) - at(x, Math.max(y - 1, 0), c)
        row += across * across + down * down
      }
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row
    }
  }
  return sums
}

function sumOf(weights: Float64Array): number {
  return weights.reduce((sum, weight) => sum + weight, 0)
}

/** The first place up to which the weights add up to more than `position`. */
function placeAt(weights: Float64Array, position: number): number {
  let place = -1
  let rest = position
  for (let i = 0; i < weights.length && rest >= 0; i++) {
    // One without weight is never drawn, whatever rounding leaves over.
    if (weights[i]! > 0) place = i
    rest -= weights[i]!
  }
  return place
}

/** A square scaled down to `size`: every pixel is the mean of what it covers. */
function cut(images: ByteImages, { image, side }: Source, place: number, size: number): Uint8Array {
  const { height, width, channels } = images
  const columns = width - side + 1
  const [left, top] = [place % columns, Math.floor(place / columns)]
  const shares = coverage(side, size)
  const patch = new Uint8Array(size * size * channels)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < channels; c++) {
        let mean = 0
        for (const [row, down] of shares[y]!) {
          for (const [column, across] of shares[x]!) {
            const at = ((image * height + top + row) * width + left + column) * channels + c
            mean += down * across * images.images[at]!
          }
        }
        patch[(y * size + x) * channels + c] = Math.round(mean)
      }
    }
  }
  return patch
}

/** For each of `size` pixels those of `side` that it covers, and what share of it each is. */
function coverage(side: number, size: number): (readonly [number, number])[][] {
  const ratio = side / size
  return Array.from({ length: size }, (_, i) => {
    const [begin, end] = [i * ratio, (i + 1) * ratio]
    const shares: [number, number][] = []
    for (let at = Math.floor(begin); at < Math.min(end, side); at++) {
      const covered = Math.min(end, at + 1) - Math.max(begin, at)
      if (covered > 0) shares.push([at, covered / ratio])
    }
    return shares
  })
}
