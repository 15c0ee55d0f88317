import { type Array64, array, type Reference } from './array.js'
import { affineSample } from './sample.js'

export interface ResizeAttributes {
  from: [number, number]
  to: [number, number]
}

const identity = array([1, 2, 3], [1, 0, 0, 0, 1, 0])

/** [rows · columns, C] of one grid, read with bicubic weights at the places of another. */
export const resizePositions: Reference<ResizeAttributes> = {
  forward([positions], attributes) {
    const { from, sampling, channels } = around(positions!, attributes)
    const { data } = affineSample.forward([from, identity], sampling)
    return { shape: [data.length / channels, channels], data }
  },
  gradient([positions], attributes, { data }) {
    const { from, sampling, channels } = around(positions!, attributes)
    const above = { shape: [1, ...attributes.to, channels], data }
    const [gradient] = affineSample.gradient([from, identity], sampling, above)
    return [{ shape: positions!.shape, data: gradient!.data }]
  },
}

function around(positions: Array64, { from, to }: ResizeAttributes) {
  const channels = positions.shape[1]!
  const sampling = { height: to[0], width: to[1], interpolation: 'bicubic', padding: 'border' } as const
  return { channels, sampling, from: { shape: [1, ...from, channels], data: positions.data } }
}
