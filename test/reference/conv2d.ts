import { type Array64, type Reference, zeros } from './array.js'

export interface Conv2dAttributes {
  stride?: number
  padding?: number | 'same' | [top: number, bottom: number, left: number, right: number]
  dilation?: number
  groups?: number
}

/** Padding before the first pixel, and the number of outputs, along one axis. */
function axisOf(
  extent: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: [number, number] | 'same',
): { before: number; outputs: number } {
  const reach = dilation * (kernel - 1) + 1
  if (padding === 'same') {
    const outputs = Math.ceil(extent / stride)
    const total = Math.max((outputs - 1) * stride + reach - extent, 0)
    return { before: Math.floor(total / 2), outputs }
  }
  return { before: padding[0], outputs: Math.floor((extent + padding[0] + padding[1] - reach) / stride) + 1 }
}

/** Visits every multiply-add: positions in x, in the filter and in y. Pixels outside the image are not visited. */
function visit(
  x: Array64,
  filter: Array64,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv2dAttributes,
  each: (inX: number, inFilter: number, inY: number) => void,
): number[] {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const [kernelHeight, kernelWidth, depth, filters] = filter.shape as [number, number, number, number]
  const sides = typeof padding === 'number' ? [padding, padding, padding, padding] : padding
  const [vertical, horizontal] = (sides === 'same' ? ['same', 'same'] : [sides.slice(0, 2), sides.slice(2)]) as [
    [number, number] | 'same',
    [number, number] | 'same',
  ]
  const y = axisOf(height, kernelHeight, stride, dilation, vertical)
  const z = axisOf(width, kernelWidth, stride, dilation, horizontal)
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < y.outputs; oy++)
      for (let ox = 0; ox < z.outputs; ox++)
        for (let o = 0; o < filters; o++) {
          const firstChannel = Math.floor(o / (filters / groups)) * depth
          const inY = ((n * y.outputs + oy) * z.outputs + ox) * filters + o
          for (let ky = 0; ky < kernelHeight; ky++)
            for (let kx = 0; kx < kernelWidth; kx++) {
              const iy = oy * stride - y.before + ky * dilation
              const ix = ox * stride - z.before + kx * dilation
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue
              for (let c = 0; c < depth; c++)
                each(
                  ((n * height + iy) * width + ix) * channels + firstChannel + c,
                  ((ky * kernelWidth + kx) * depth + c) * filters + o,
                  inY,
                )
            }
        }
  return [batch, y.outputs, z.outputs, filters]
}

/** y[n, oy, ox, o] = Σ x[n, oy·s − p + ky·d, ox·s − p + kx·d, c] · filter[ky, kx, c, o]; x NHWC. */
export const conv2d: Reference<Conv2dAttributes> = {
  forward([x, filter], attributes) {
    const y = zeros(visit(x!, filter!, attributes, () => {}))
    visit(x!, filter!, attributes, (i, f, o) => {
      y.data[o]! += x!.data[i]! * filter!.data[f]!
    })
    return y
  },
  gradient([x, filter], attributes, { data: dy }) {
    const dx = zeros(x!.shape)
    const df = zeros(filter!.shape)
    visit(x!, filter!, attributes, (i, f, o) => {
      dx.data[i]! += dy[o]! * filter!.data[f]!
      df.data[f]! += dy[o]! * x!.data[i]!
    })
    return [dx, df]
  },
}
