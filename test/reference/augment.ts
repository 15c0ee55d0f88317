import { type AugmentStructure, PARAMETERS } from '../../src/ops/augment.js'
import { philox } from '../../src/tensor/philox.js'
import { normalQuantile } from './normal.js'

/** Bytes `[batch, height, width, channels]` in, views out; the layout of `parameters` is that of `ops/augment.ts`. */
interface Bytes {
  readonly data: Uint8Array
  readonly shape: readonly [number, number, number, number]
}

type Pixel = number[]
type Image = Pixel[][]

const limit = (value: number) => Math.min(Math.max(value, 0), 1)
const grey = (p: Pixel) => (p.length === 1 ? p[0]! : 0.299 * p[0]! + 0.587 * p[1]! + 0.114 * p[2]!)

/** The index of the pixel that padding puts in place of pixel `at`, or none. */
function padded(at: number, first: number, last: number, extent: number, padding: string): number | undefined {
  if (padding === 'border') return Math.min(Math.max(at, first), last)
  if (padding === 'reflection') {
    while (at < 0 || at >= extent) at = at < 0 ? -1 - at : 2 * extent - 1 - at
  }
  return at >= 0 && at < extent ? at : undefined
}

function weightOf(distance: number, interpolation: string): number {
  const d = Math.abs(distance)
  if (interpolation === 'bilinear') return Math.max(0, 1 - d)
  const a = -0.5
  if (d >= 2) return 0
  return d <= 1 ? (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1 : a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a
}

/**
 * The source at a position. Every tap is padded for itself; for bilinear and these paddings that equals padding the
 * position.
 */
function sampleAt(source: Image, x: number, y: number, p: Float32Array, interpolation: string, padding: string): Pixel {
  const [rows, columns, channels] = [source.length, source[0]!.length, source[0]![0]!.length]
  const result: Pixel = new Array(channels).fill(0)
  for (let row = Math.floor(y) - 1; row <= Math.floor(y) + 2; row++) {
    for (let column = Math.floor(x) - 1; column <= Math.floor(x) + 2; column++) {
      const inRow = padded(row, p[9]!, p[11]!, rows, padding)
      const inColumn = padded(column, p[8]!, p[10]!, columns, padding)
      if (inRow === undefined || inColumn === undefined) continue
      const weight = weightOf(y - row, interpolation) * weightOf(x - column, interpolation)
      for (let c = 0; c < channels; c++) result[c]! += weight * source[inRow]![inColumn]![c]!
    }
  }
  return interpolation === 'bicubic' ? result.map(limit) : result
}

/** An image of `height` × `width` of what `at` says of its pixels. */
function imageOf(height: number, width: number, at: (x: number, y: number) => Pixel): Image {
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => at(x, y)))
}

function sample(source: Image, p: Float32Array, structure: AugmentStructure): Image {
  const { height, width, padding } = structure
  const pixelated = structure.interpolation === 'pixelated'
  const interpolation = pixelated ? 'bilinear' : structure.interpolation
  const seen = (x: number, y: number) =>
    sampleAt(source, p[0]! * x + p[1]! * y + p[2]!, p[3]! * x + p[4]! * y + p[5]!, p, interpolation, padding)
  const cells = p[23]!
  if (!pixelated || cells === 0) return imageOf(height, width, seen)
  // First the small image, whose pixels lie in the middle of what they cover of the view; then the large one of it.
  const small = imageOf(cells, cells, (x, y) => {
    return seen(((x + 0.5) * width) / cells - 0.5, ((y + 0.5) * height) / cells - 0.5)
  })
  const edges = Float32Array.of(...p.subarray(0, 8), 0, 0, cells - 1, cells - 1)
  return imageOf(height, width, (x, y) =>
    sampleAt(small, ((x + 0.5) * cells) / width - 0.5, ((y + 0.5) * cells) / height - 0.5, edges, 'bilinear', 'border'),
  )
}

/** Hue (in turns), saturation and value by cases, as in textbooks; a grey pixel has hue and saturation 0. */
function toHsv(p: Pixel): Pixel {
  const [red, green, blue] = p as [number, number, number]
  const value = Math.max(red, green, blue)
  const chroma = value - Math.min(red, green, blue)
  if (chroma === 0) return [0, 0, value]
  let hue = (red - green) / chroma + 4
  if (value === red) hue = (green - blue) / chroma
  else if (value === green) hue = (blue - red) / chroma + 2
  return [hue / 6, chroma / value, value]
}

function fromHsv(p: Pixel): Pixel {
  const [hue, saturation, value] = p as [number, number, number]
  const turns = ((hue % 1) + 1) % 1
  const sextant = Math.floor(turns * 6) % 6
  const fraction = turns * 6 - Math.floor(turns * 6)
  const low = value * (1 - saturation)
  const falling = value * (1 - saturation * fraction)
  const rising = value * (1 - saturation * (1 - fraction))
  return [
    [value, rising, low],
    [falling, value, low],
    [low, value, rising],
    [low, falling, value],
    [rising, low, value],
    [value, low, falling],
  ][sextant]!
}

function turnHsv(p: Pixel, turns: number): Pixel {
  const [hue, saturation, value] = toHsv(p)
  return fromHsv([hue! + turns, saturation!, value!])
}

/** Saturation and value to a power, times a factor, and a summand: the six numbers of `how`. */
function bend(p: Pixel, how: Float32Array): Pixel {
  const curve = (x: number, at: number) => limit(how[at + 1]! * x ** how[at]! + how[at + 2]!)
  if (p.length === 1) return [curve(limit(p[0]!), 3)]
  const [hue, saturation, value] = toHsv(p.map(limit))
  return fromHsv([hue!, saturation === 0 ? 0 : curve(saturation!, 0), curve(value!, 3)])
}

const toYiq = [
  [0.299, 0.587, 0.114],
  [0.596, -0.274, -0.321],
  [0.211, -0.523, 0.311],
] as const

/** The solution of toYiq · x = y, by Cramer's rule. */
function fromYiq(y: Pixel): Pixel {
  const determinant = (m: readonly (readonly number[])[]) =>
    m[0]![0]! * (m[1]![1]! * m[2]![2]! - m[1]![2]! * m[2]![1]!) -
    m[0]![1]! * (m[1]![0]! * m[2]![2]! - m[1]![2]! * m[2]![0]!) +
    m[0]![2]! * (m[1]![0]! * m[2]![1]! - m[1]![1]! * m[2]![0]!)
  return [0, 1, 2].map(
    column =>
      determinant(toYiq.map((row, i) => row.map((value, j) => (j === column ? y[i]! : value)))) / determinant(toYiq),
  )
}

function turnYiq(p: Pixel, turns: number): Pixel {
  const [y, i, q] = toYiq.map(row => row.reduce((sum, value, c) => sum + value * p[c]!, 0)) as [number, number, number]
  const angle = 2 * Math.PI * turns
  return fromYiq([y, Math.cos(angle) * i - Math.sin(angle) * q, Math.sin(angle) * i + Math.cos(angle) * q])
}

function adjust(image: Image, code: number, parameters: Float32Array, structure: AugmentStructure): Image {
  const factors = parameters.subarray(16, 20)
  const each = (change: (p: Pixel) => Pixel) => image.map(row => row.map(p => change(p).map(limit)))
  const rgb = image[0]![0]!.length === 3
  if (code === 1) return each(p => p.map(value => value * factors[0]!))
  if (code === 2) {
    const pixels = image.flat()
    const average = (p: Pixel) => p.reduce((sum, value) => sum + value, 0) / p.length
    const mean = average(pixels.map(structure.contrast === 'luma' ? grey : average))
    return each(p => p.map(value => factors[1]! * value + (1 - factors[1]!) * mean))
  }
  if (code === 3 && rgb) return each(p => p.map(value => factors[2]! * value + (1 - factors[2]!) * grey(p)))
  if (code === 4 && rgb) return each(p => (structure.hue === 'hsv' ? turnHsv : turnYiq)(p, factors[3]!))
  if (code === 5) {
    return image.map(row =>
      row.map(p =>
        p.map((_, c) => {
          const weights = parameters.subarray(36 + 4 * c, 40 + 4 * c)
          return p.reduce((sum, value, from) => sum + weights[from]! * value, weights[3]!)
        }),
      ),
    )
  }
  if (code === 6) return each(p => bend(p, parameters.subarray(28, 34)))
  return image
}

/** The full two-dimensional kernel. */
function blur(image: Image, sigma: number, radius: number): Image {
  const [height, width, channels] = [image.length, image[0]!.length, image[0]![0]!.length]
  return image.map((line, y) =>
    line.map((_, x) => {
      const result: Pixel = new Array(channels).fill(0)
      let total = 0
      for (let i = -radius; i <= radius; i++) {
        for (let j = -radius; j <= radius; j++) {
          const weight = Math.exp(-(i * i + j * j) / (2 * sigma * sigma))
          const from = image[Math.min(Math.max(y + i, 0), height - 1)]![Math.min(Math.max(x + j, 0), width - 1)]!
          total += weight
          for (let c = 0; c < channels; c++) result[c]! += weight * from[c]!
        }
      }
      return result.map(value => value / total)
    }),
  )
}

/** The normal numbers of one image, for every pixel and channel. */
function noiseOf(p: Float32Array, pixels: number, channels: number): Pixel[] {
  const words = new Uint32Array(4)
  return Array.from({ length: pixels }, (_, pixel) => {
    philox(pixel, 0, 0, 0x6e6f6973, p[25]!, p[26]!, words)
    return Array.from({ length: channels }, (_, c) => normalQuantile(((words[c]! >>> 8) + 0.5) / 2 ** 24))
  })
}

/** Normalised by the numbers of the data set or of the image, and noise. */
function finish(image: Pixel[], p: Float32Array, { standardise, noise, mean, deviation }: AugmentStructure): Pixel[] {
  const channels = image[0]!.length
  const normal = noise ? noiseOf(p, image.length, channels) : []
  const kept = noise && standardise !== 'none' && channels === 3 ? p[27]! - 1 : -1
  const columns = Array.from({ length: channels }, (_, c) => {
    const values = image.map(pixel => pixel[c]!)
    const centre = values.reduce((sum, value) => sum + value, 0) / values.length
    const own = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length)
    const scale = standardise === 'full' ? Math.max(own, 1 / 255) : deviation[c]!
    return { values: values.map(value => (value - (standardise === 'none' ? mean[c]! : centre)) / scale), own, scale }
  })
  return image.map((_, i) =>
    columns.map(({ values }, c) => {
      const dropped = kept >= 0 && c !== kept
      const sigma = p[24]! + (dropped ? (0.01 * columns[kept]!.own) / columns[kept]!.scale : 0)
      return (dropped ? 0 : values[i]!) + (noise ? sigma * normal[i]![c]! : 0)
    }),
  )
}

export function augmentReference(images: Bytes, parameters: Float32Array, structure: AugmentStructure): Float64Array {
  const [batch, rows, columns, channels] = images.shape
  const views: number[] = []
  for (let n = 0; n < parameters.length / PARAMETERS; n++) {
    const p = parameters.subarray(PARAMETERS * n, PARAMETERS * (n + 1))
    const at = (y: number, x: number, c: number) => (((n % batch) * rows + y) * columns + x) * channels + c
    const source = imageOf(rows, columns, (x, y) =>
      Array.from({ length: channels }, (_, c) => images.data[at(y, x, c)]! / 255),
    )
    let image = sample(source, p, structure)
    if (structure.colour) {
      for (const code of p.subarray(12, 16)) image = adjust(image, code, p, structure)
      if (p[6] === 1) image = image.map(row => row.map(pixel => pixel.map(() => grey(pixel))))
    }
    if (structure.blurRadius > 0 && p[22]! > 0) image = blur(image, p[22]!, structure.blurRadius)
    const solarised = image.flat().map(pixel => pixel.map(value => (value >= p[7]! ? 1 - value : value)))
    views.push(...finish(solarised, p, structure).flat())
  }
  return Float64Array.from(views)
}
