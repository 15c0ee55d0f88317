import { gather, gatherTokens, permute, scatterAdd } from '../../src/ops/gather.js'
import { concat, reshape, slice, transpose } from '../../src/ops/shape.js'
import * as gatherReference from '../reference/gather.js'
import { integers, permutation } from '../reference/random.js'
import * as shapes from '../reference/shape.js'
import { type Case, caseOf } from './case.js'

const gathers = [
  { shape: [1, 1], axis: 0, count: 1 },
  { shape: [33, 3], axis: 0, count: 65 },
  { shape: [5, 31, 3], axis: 1, count: 7 },
  { shape: [65], axis: 0, count: 3 },
].map(({ shape, axis, count }) =>
  caseOf(
    `gather ${count} of [${shape}] along ${axis}`,
    gatherReference.gather,
    { axis },
    {
      inputs: [{ shape }, { shape: [count], draw: integers(0, shape[axis]!), dtype: 'int32' }],
      run: ([x, indices]) => gather(x!, indices!, axis),
      depth: count,
    },
  ),
)

const tokens = [
  { shape: [1, 1, 1], each: 1 },
  { shape: [3, 31, 5], each: 7 },
  { shape: [65, 3], each: 5 },
  { shape: [2, 5, 3, 33], each: 31 },
].map(({ shape, each }) =>
  caseOf(`gatherTokens ${each} each of [${shape}]`, gatherReference.gatherTokens, undefined, {
    inputs: [{ shape }, { shape: [shape[0]!, each], draw: integers(0, shape[1]!), dtype: 'int32' }],
    run: ([x, indices]) => gatherTokens(x!, indices!),
    depth: each,
  }),
)

const scatters = [
  { shape: [1, 1], rows: 1 },
  { shape: [65, 3], rows: 5 },
  { shape: [31, 33], rows: 65 },
  { shape: [33, 2, 5], rows: 1 },
].map(({ shape, rows }) =>
  caseOf(
    `scatterAdd [${shape}] to ${rows} rows`,
    gatherReference.scatterAdd,
    { rows },
    {
      inputs: [{ shape }, { shape: [shape[0]!], draw: integers(0, rows), dtype: 'int32' }],
      run: ([updates, indices]) => scatterAdd(updates!, indices!, rows),
      depth: shape[0]!,
    },
  ),
)

const permutes = [
  [1, 1],
  [33, 31],
  [65, 2, 3],
].map(shape =>
  caseOf(`permute rows of [${shape}]`, gatherReference.permute, undefined, {
    inputs: [{ shape }, { shape: [shape[0]!], draw: permutation, dtype: 'int32' }],
    run: ([x, order]) => permute(x!, order!),
    depth: 1,
  }),
)

const transposes = [
  { shape: [1, 1], axes: [1, 0] },
  { shape: [33, 65], axes: [1, 0] },
  { shape: [3, 5, 31], axes: [2, 0, 1] },
  { shape: [2, 3, 5, 7], axes: [0, 3, 1, 2] },
].map(({ shape, axes }) =>
  caseOf(
    `transpose [${shape}] to ${axes}`,
    shapes.transpose,
    { axes },
    {
      inputs: [{ shape }],
      run: ([x]) => transpose(x!, axes),
      depth: 1,
    },
  ),
)

const slices = [
  { shape: [1], starts: [0], sizes: [1] },
  { shape: [33, 65], starts: [2, 31], sizes: [31, 33] },
  { shape: [3, 5, 31], starts: [1, 0, 30], sizes: [2, 5, 1] },
].map(({ shape, starts, sizes }) =>
  caseOf(
    `slice [${sizes}] of [${shape}] at [${starts}]`,
    shapes.slice,
    { starts, sizes },
    {
      inputs: [{ shape }],
      run: ([x]) => slice(x!, starts, sizes),
      depth: 1,
    },
  ),
)

const concats = [
  { parts: [[1], [3]], axis: 0 },
  {
    parts: [
      [33, 3],
      [33, 1],
      [33, 31],
    ],
    axis: 1,
  },
  {
    parts: [
      [2, 1, 5],
      [2, 65, 5],
    ],
    axis: 1,
  },
].map(({ parts, axis }) =>
  caseOf(
    `concat [${parts.join('], [')}] along ${axis}`,
    shapes.concat,
    { axis },
    {
      inputs: parts.map(shape => ({ shape })),
      run: inputs => concat(inputs, axis),
      depth: 1,
    },
  ),
)

const reshaped = caseOf(
  'reshape [3,33] to [11,9]',
  shapes.reshape,
  { shape: [11, 9] },
  {
    inputs: [{ shape: [3, 33] }],
    run: ([x]) => reshape(x!, [11, 9]),
    depth: 1,
  },
)

export const cases: readonly Case[] = [
  ...gathers,
  ...tokens,
  ...scatters,
  ...permutes,
  ...transposes,
  ...slices,
  ...concats,
  reshaped,
]
