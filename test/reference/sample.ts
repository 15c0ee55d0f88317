import { type Array64, type Reference, zeros } from './array.js'

export interface SampleAttributes {
  height: number
  width: number
  interpolation: 'bilinear' | 'bicubic'
  padding: 'zeros' | 'border' | 'reflection'
}

/** A position along one axis and how much it counts. */
interface Tap {
  at: number
  weight: number
}

const clip = (position: number, extent: number) => Math.min(Math.max(position, 0), extent - 1)

/** Mirrors a position at −½ and extent − ½, the outer edges of the first and last pixel. */
function reflect(position: number, extent: number): number {
  const distance = Math.abs(position + 0.5)
  const folds = Math.floor(distance / extent)
  const rest = distance - folds * extent
  return clip((folds % 2 === 0 ? rest : extent - rest) - 0.5, extent)
}

/** Where a position outside the image is read, if at all. */
function inside(position: number, extent: number, padding: SampleAttributes['padding']): number {
  if (padding === 'border') return clip(position, extent)
  return padding === 'reflection' ? reflect(position, extent) : position
}

/** Keys' cubic convolution with A = −0.75, PyTorch's choice; `distance` ≥ 0. */
function cubic(distance: number): number {
  const a = -0.75
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
}

/**
 * The pixels that a position along one axis is made from. Bilinear pads the position, bicubic pads each of its four
 * taps, as PyTorch's `grid_sample` does.
 */
function taps(position: number, extent: number, { interpolation, padding }: SampleAttributes): Tap[] {
  const list: Tap[] = []
  if (interpolation === 'bilinear') {
    const padded = inside(position, extent, padding)
    const low = Math.floor(padded)
    list.push({ at: low, weight: 1 - (padded - low) }, { at: low + 1, weight: padded - low })
  } else {
    const low = Math.floor(position)
    for (let at = low - 1; at <= low + 2; at++)
      list.push({ at: inside(at, extent, padding), weight: cubic(Math.abs(position - at)) })
  }
  return list.filter(({ at }) => at >= 0 && at < extent)
}

/** Visits every product: positions in x and in y, and the weight. Returns the shape of y. */
function visit(
  x: Array64,
  theta: Array64,
  attributes: SampleAttributes,
  each: (inX: number, inY: number, weight: number) => void,
): number[] {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < attributes.height; row++)
      for (let column = 0; column < attributes.width; column++) {
        // Centres of the output's pixels in [−1, 1] (align_corners = false), through theta, and back to pixels.
        const u = (2 * column + 1) / attributes.width - 1
        const v = (2 * row + 1) / attributes.height - 1
        const [a, b, c, d, e, f] = theta.data.subarray(n * 6, n * 6 + 6) as unknown as number[] as [
          number,
          number,
          number,
          number,
          number,
          number,
        ]
        const px = ((a * u + b * v + c + 1) * width - 1) / 2
        const py = ((d * u + e * v + f + 1) * height - 1) / 2
        for (const vertical of taps(py, height, attributes))
          for (const horizontal of taps(px, width, attributes))
            for (let channel = 0; channel < channels; channel++)
              each(
                ((n * height + vertical.at) * width + horizontal.at) * channels + channel,
                ((n * attributes.height + row) * attributes.width + column) * channels + channel,
                vertical.weight * horizontal.weight,
              )
      }
  return [batch, attributes.height, attributes.width, channels]
}

/** x [N, H, W, C] read at the places that theta [N, 2, 3] sends the output's pixels to. Inputs [x, theta]. */
export const affineSample: Reference<SampleAttributes> = {
  forward([x, theta], attributes) {
    const y = zeros([x!.shape[0]!, attributes.height, attributes.width, x!.shape[3]!])
    visit(x!, theta!, attributes, (i, o, weight) => {
      y.data[o]! += weight * x!.data[i]!
    })
    return y
  },
  gradient([x, theta], attributes, { data: dy }) {
    const dx = zeros(x!.shape)
    visit(x!, theta!, attributes, (i, o, weight) => {
      dx.data[i]! += weight * dy[o]!
    })
    return [dx, null]
  },
}
