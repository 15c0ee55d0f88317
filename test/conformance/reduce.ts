import * as ops from '../../src/ops/reduce.js'
import { sum } from '../../src/ops/sum.js'
import { type Draw, distinct, integers, normal } from '../reference/random.js'
import * as reference from '../reference/reduce.js'
import { type Case, caseOf } from './case.js'

interface Size {
  shape: number[]
  axes?: number | number[]
  keepDims?: boolean
}

const sizes: Size[] = [
  { shape: [1] },
  { shape: [3, 1, 31] },
  { shape: [10007] },
  { shape: [33, 65], axes: 0 },
  { shape: [33, 65], axes: -1, keepDims: true },
  { shape: [3, 31, 1, 5], axes: [0, 2] },
  { shape: [5, 3, 33], axes: [0, 1], keepDims: true },
  { shape: [2, 1031, 3], axes: 1 },
  { shape: [3, 300, 8], axes: 1 },
  { shape: [33, 4], axes: 0 },
]

const { mean, max, min, variance } = ops
const run = { sum, mean, max, min, variance }
const exact = {
  sum: reference.sum,
  mean: reference.mean,
  max: reference.max,
  min: reference.min,
  variance: reference.variance,
}

function over(name: keyof typeof run, { shape, axes, keepDims = false }: Size, draw: Draw, kind = ''): Case {
  const title = `${name}${kind} of [${shape}] over ${axes ?? 'all axes'}${keepDims ? ', kept' : ''}`
  return caseOf(
    title,
    exact[name],
    { axes, keepDims },
    {
      inputs: [{ shape, draw }],
      run: ([x]) => run[name](x!, axes, { keepDims }),
      depth: Math.max(...shape),
    },
  )
}

const unbiased = [{ shape: [33, 65], axes: 0 }, { shape: [7] }].map(({ shape, axes }) =>
  caseOf(
    `variance, unbiased, of [${shape}]`,
    reference.variance,
    { axes, correction: 1 },
    {
      inputs: [{ shape }],
      run: ([x]) => ops.variance(x!, axes, { correction: 1 }),
      depth: 65,
    },
  ),
)

const argmax = [
  { shape: [1], axis: 0 },
  { shape: [33, 65], axis: 0 },
  { shape: [33, 65], axis: -1 },
  { shape: [3, 1031, 2], axis: 1 },
].map(
  ({ shape, axis }): Case => ({
    name: `argmax of [${shape}] along ${axis}, with ties`,
    inputs: [{ shape, draw: integers(0, 9) }],
    run: ([x]) => ops.argmax(x!, axis),
    reference: ([x]) => reference.argmax(x!, axis),
    depth: 1,
  }),
)

export const cases: readonly Case[] = [
  ...(['sum', 'mean', 'variance'] as const).flatMap(name => sizes.map(size => over(name, size, normal()))),
  ...(['max', 'min'] as const).flatMap(name => sizes.map(size => over(name, size, distinct))),
  ...(['max', 'min'] as const).map(name => over(name, { shape: [5, 33], axes: 1 }, integers(0, 4), ', with ties,')),
  ...unbiased,
  ...argmax,
]
