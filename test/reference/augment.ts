import type { AugmentStructure } from '../../src/ops/augment.js'

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

/** Every tap is padded for itself; for bilinear and these paddings that equals padding the position. */
function sample(source: Image, p: Float32Array, { height, width, interpolation, padding }: AugmentStructure): Image {
  const [rows, columns, channels] = [source.length, source[0]!.length, source[0]![0]!.length]
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const sourceX = p[0]! * x + p[1]! * y + p[2]!
      const sourceY = p[3]! * x + p[4]! * y + p[5]!
      const result: Pixel = new Array(channels).fill(0)
      for (let row = Math.floor(sourceY) - 1; row <= Math.floor(sourceY) + 2; row++) {
        for (let column = Math.floor(sourceX) - 1; column <= Math.floor(sourceX) + 2; column++) {
          const inRow = padded(row, p[9]!, p[11]!, rows, padding)
          const inColumn = padded(column, p[8]!, p[10]!, columns, padding)
          if (inRow === undefined || inColumn === undefined) continue
          const weight = weightOf(sourceY - row, interpolation) * weightOf(sourceX - column, interpolation)
          for (let c = 0; c < channels; c++) result[c]! += weight * source[inRow]![inColumn]![c]!
        }
      }
      return interpolation === 'bicubic' ? result.map(limit) : result
    }),
  )
}

/** Hue, saturation and value by cases, as in textbooks. */
function turnHsv([r, g, b]: Pixel, turns: number): Pixel {
  const [red, green, blue] = [r!, g!, b!]
  const value = Math.max(red, green, blue)
  const chroma = value - Math.min(red, green, blue)
  if (chroma === 0) return [red, green, blue]
  let hue = 0
  if (value === red) hue = (green - blue) / chroma
  else if (value === green) hue = (blue - red) / chroma + 2
  else hue = (red - green) / chroma + 4
  hue = (((hue / 6 + turns) % 1) + 1) % 1
  const sextant = Math.floor(hue * 6) % 6
  const fraction = hue * 6 - Math.floor(hue * 6)
  const saturation = chroma / value
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

function adjust(image: Image, code: number, factors: Float32Array, structure: AugmentStructure): Image {
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

export function augmentReference(images: Bytes, parameters: Float32Array, structure: AugmentStructure): Float64Array {
  const [batch, rows, columns, channels] = images.shape
  const views: number[] = []
  for (let n = 0; n < parameters.length / 24; n++) {
    const p = parameters.subarray(24 * n, 24 * n + 24)
    const at = (y: number, x: number, c: number) => (((n % batch) * rows + y) * columns + x) * channels + c
    const source = Array.from({ length: rows }, (_, y) =>
      Array.from({ length: columns }, (_, x) =>
        Array.from({ length: channels }, (_, c) => images.data[at(y, x, c)]! / 255),
      ),
    )
    let image = sample(source, p, structure)
    if (structure.colour) {
      for (const code of p.subarray(12, 16)) image = adjust(image, code, p.subarray(16, 20), structure)
      if (p[6] === 1) image = image.map(row => row.map(pixel => pixel.map(() => grey(pixel))))
    }
    if (structure.blurRadius > 0 && p[22]! > 0) image = blur(image, p[22]!, structure.blurRadius)
    for (const row of image)
      for (const pixel of row)
        pixel.forEach((value, c) => {
          const solarised = value >= p[7]! ? 1 - value : value
          views.push((solarised - structure.mean[c]!) / structure.deviation[c]!)
        })
  }
  return Float64Array.from(views)
}
