import { type Array64, sizeOf } from './array.js'

/** A small seeded generator (mulberry32) of uniforms in [0, 1): the tests' own, independent of the engine's Philox. */
export function generator(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws the values of one input from a generator of uniforms. */
export type Draw = (random: () => number, count: number) => number[]

/** Standard normal values (Box–Muller), times `deviation`. */
export function normal(deviation = 1): Draw {
  return (random, count) =>
    Array.from(
      { length: count },
      () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
    )
}

export function uniform(low: number, high: number): Draw {
  return (random, count) => Array.from({ length: count }, () => low + (high - low) * random())
}

/** Rows of length 1 in a random direction. */
export function unitRows(columns: number): Draw {
  return (random, count) => {
    const values = normal()(random, count)
    return values.map((v, i) => {
      const start = i - (i % columns)
      return v / Math.hypot(...values.slice(start, start + columns))
    })
  }
}

/** Whole numbers from `low` up to, not including, `end`. With few of them there are ties and repeats. */
export function integers(low: number, end: number): Draw {
  return (random, count) => Array.from({ length: count }, () => low + Math.floor((end - low) * random()))
}

/** Values from −1 to 1 in shuffled order, at least 2/count apart: no ties, and none appears in a small step. */
export const distinct: Draw = (random, count) =>
  permutation(random, count).map(rank => (2 * (rank + 0.5)) / count - 1 + 0.2 / count)

/** 0 … count−1 in shuffled order (Fisher–Yates). */
export const permutation: Draw = (random, count) => {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const moved = order[i]!
    order[i] = order[j]!
    order[j] = moved
  }
  return order
}

/** A symmetric matrix of d² values with eigenvalues from 1 to about 5: a covariance of Gaussian vectors, plus 1. */
export const positiveDefinite: Draw = (random, count) => {
  const d = Math.sqrt(count)
  const x = normal()(random, count)
  return Array.from({ length: count }, (_, at) => {
    const [i, j] = [Math.floor(at / d), at % d]
    let sum = 0
    for (let k = 0; k < d; k++) sum += x[i * d + k]! * x[j * d + k]!
    return sum / d + (i === j ? 1 : 0)
  })
}

export function draw(shape: readonly number[], how: Draw, random: () => number): Array64 {
  return { shape: [...shape], data: Float64Array.from(how(random, sizeOf(shape))) }
}

/** The nearest float32 values, so that what a device receives is what the reference computes with. */
export function rounded(x: Array64): Array64 {
  return { shape: x.shape, data: x.data.map(Math.fround) }
}
