import { type Array64, type Reference, zeros } from './array.js'

export interface PoolAttributes {
  size: number
  stride?: number
  padding?: number
}

/** For every output element, the positions of the real pixels (never padding) under its window. */
function windows(
  x: Array64,
  { size, stride = size, padding = 0 }: PoolAttributes,
): { shape: number[]; pixels: number[][] } {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const rows = Math.floor((height + 2 * padding - size) / stride) + 1
  const columns = Math.floor((width + 2 * padding - size) / stride) + 1
  const pixels: number[][] = []
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let c = 0; c < channels; c++) {
          const inside: number[] = []
          for (let iy = row * stride - padding; iy < row * stride - padding + size; iy++)
            for (let ix = column * stride - padding; ix < column * stride - padding + size; ix++)
              if (iy >= 0 && iy < height && ix >= 0 && ix < width)
                inside.push(((n * height + iy) * width + ix) * channels + c)
          pixels.push(inside)
        }
  return { shape: [batch, rows, columns, channels], pixels }
}

/** The largest pixel under each window; the gradient goes to the first of equals. */
export const maxPool2d: Reference<PoolAttributes> = {
  forward([x], attributes) {
    const { shape, pixels } = windows(x!, attributes)
    return { shape, data: Float64Array.from(pixels, inside => Math.max(...inside.map(i => x!.data[i]!))) }
  },
  gradient([x], attributes, outputGradient) {
    const dx = zeros(x!.shape)
    windows(x!, attributes).pixels.forEach((inside, o) => {
      const largest = Math.max(...inside.map(i => x!.data[i]!))
      dx.data[inside.find(i => x!.data[i] === largest)!]! += outputGradient.data[o]!
    })
    return [dx]
  },
}

/** The mean over the real pixels under each window (PyTorch's count_include_pad=False). */
export const averagePool2d: Reference<PoolAttributes> = {
  forward([x], attributes) {
    const { shape, pixels } = windows(x!, attributes)
    const average = (inside: number[]) => inside.reduce((sum, i) => sum + x!.data[i]!, 0) / inside.length
    return { shape, data: Float64Array.from(pixels, average) }
  },
  gradient([x], attributes, outputGradient) {
    const dx = zeros(x!.shape)
    windows(x!, attributes).pixels.forEach((inside, o) => {
      for (const i of inside) dx.data[i]! += outputGradient.data[o]! / inside.length
    })
    return [dx]
  },
}

/** [N, H, W, C] → [N, C]: the mean over all pixels. */
export const globalAveragePool: Reference = {
  forward([x]) {
    const [batch, height, width, channels] = x!.shape as [number, number, number, number]
    const y = zeros([batch, channels])
    x!.data.forEach((value, i) => {
      const n = Math.floor(i / (height * width * channels))
      y.data[n * channels + (i % channels)]! += value / (height * width)
    })
    return y
  },
  gradient([x], _, { data: dy }) {
    const [, height, width, channels] = x!.shape as [number, number, number, number]
    const dx = zeros(x!.shape)
    for (let i = 0; i < dx.data.length; i++) {
      const n = Math.floor(i / (height * width * channels))
      dx.data[i] = dy[n * channels + (i % channels)]! / (height * width)
    }
    return [dx]
  },
}

/** [N, H, W, C] → [N, 4·C]: the largest value in each quarter; of odd sides they share the middle line. */
export const quadrantMaxPool: Reference = {
  forward([x]) {
    const [batch, , , channels] = x!.shape as [number, number, number, number]
    const y = zeros([batch, 4 * channels])
    visitQuadrants(x!, (o, i) => {
      y.data[o] = x!.data[i]!
    })
    return y
  },
  gradient([x], _, { data: dy }) {
    const dx = zeros(x!.shape)
    visitQuadrants(x!, (o, i) => {
      dx.data[i]! += dy[o]!
    })
    return [dx]
  },
}

/** For every output, the position of the first of the largest values. */
function visitQuadrants(x: Array64, each: (o: number, i: number) => void): void {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const quarter = (part: number, side: number) => ({
    begin: part === 0 ? 0 : Math.floor(side / 2),
    end: part === 0 ? Math.ceil(side / 2) : side,
  })
  for (let n = 0; n < batch; n++)
    for (let q = 0; q < 4; q++)
      for (let c = 0; c < channels; c++) {
        const rows = quarter(Math.floor(q / 2), height)
        const columns = quarter(q % 2, width)
        let best = ((n * height + rows.begin) * width + columns.begin) * channels + c
        for (let row = rows.begin; row < rows.end; row++)
          for (let column = columns.begin; column < columns.end; column++) {
            const i = ((n * height + row) * width + column) * channels + c
            if (x.data[i]! > x.data[best]!) best = i
          }
        each((n * 4 + q) * channels + c, best)
      }
}
