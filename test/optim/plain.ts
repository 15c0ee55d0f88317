import type { Device } from '../../src/device/device.js'
import { Arena } from '../../src/nn/arena.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { type Shape, sizeOf } from '../../src/tensor/shape.js'

/** Bytes of a page that holds the largest of the tensors and none beside it. */
export const pageBytes = 21760

/** Tensors of two groups; the largest fills more than one range of LARS. */
const shapes: readonly (readonly [string, Shape])[] = [
  ['first.weight', [3, 5]],
  ['first.bias', [5]],
  ['second.weight', [129]],
  ['second.bias', [1]],
  ['third.weight', [90, 60]],
]

/** Weights in float64, as a formula is applied to them. */
export type Weights = Map<string, Float64Array>

export function weightsOf(seed: number, scale = 1): Weights {
  const generator = new Generator(seed)
  return new Map(shapes.map(([name, shape]) => [name, drawn(generator, sizeOf(shape), scale)]))
}

function drawn(generator: Generator, size: number, scale: number): Float64Array {
  return Float64Array.from({ length: size }, () => Math.fround(scale * generator.normal()))
}

/** Biases are in `noDecay`, all else in `decay`. */
export function groupOf(name: string): 'decay' | 'noDecay' {
  return name.endsWith('bias') ? 'noDecay' : 'decay'
}

/** The weights on the device. */
export function arenaOf(weights: Weights, device: Device, pageBytes?: number): Arena {
  const entries = shapes.map(([name, shape]) => ({
    name,
    group: groupOf(name),
    tensor: tensor(Float32Array.from(weights.get(name)!), { shape, device }),
  }))
  return new Arena(entries, device, pageBytes === undefined ? {} : { pageBytes })
}

/** The largest norm-wise difference of a tensor from its float64 twin; weights are of size 1, even where they happen to be near 0. */
export async function distance(arena: Arena, weights: Weights): Promise<number> {
  let largest = 0
  for (const { name, tensor } of arena.slots) {
    const actual = await tensor.data()
    const expected = weights.get(name)!
    const error = Math.hypot(...expected.map((value, i) => value - actual[i]!))
    largest = Math.max(largest, error / Math.max(Math.hypot(...expected), Math.sqrt(expected.length)))
  }
  return largest
}
