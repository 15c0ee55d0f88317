import { conv2d } from '../../src/ops/conv2d.js'
import { sizeOf } from '../reference/array.js'
import { type Conv2dAttributes, conv2d as reference } from '../reference/conv2d.js'
import { type Case, caseOf } from './case.js'

function convolution(x: number[], filter: number[], attributes: Conv2dAttributes = {}): Case {
  const options = JSON.stringify(attributes).replace(/["{}]/g, '')
  // Forward sums over the filter, backward-filter over the images' pixels.
  const depth = Math.max(sizeOf(filter) / filter.at(-1)!, sizeOf(x) / x.at(-1)!)
  return caseOf(`conv2d [${x}] * [${filter}] ${options}`, reference, attributes, {
    inputs: [{ shape: x }, { shape: filter }],
    run: ([image, weights]) => conv2d(image!, weights!, attributes),
    depth,
  })
}

export const cases: readonly Case[] = [
  convolution([1, 1, 1, 1], [1, 1, 1, 1]),
  convolution([2, 5, 5, 1], [3, 3, 1, 1], { padding: 1 }),
  convolution([3, 7, 5, 3], [3, 3, 3, 31], { padding: 1 }),
  convolution([2, 6, 9, 31], [3, 3, 31, 33], { padding: 1 }),
  convolution([1, 5, 4, 65], [3, 3, 65, 3], { padding: 'same' }),
  convolution([2, 8, 8, 16], [3, 3, 16, 32], { padding: 1 }),
  convolution([2, 9, 7, 8], [3, 3, 8, 12], { stride: 2, padding: 1 }),
  convolution([2, 8, 8, 8], [3, 3, 8, 16], { stride: 2, padding: 1 }),
  convolution([1, 7, 8, 3], [5, 2, 3, 4]),
  convolution([1, 14, 15, 3], [7, 7, 3, 8], { stride: 2, padding: 3 }),
  convolution([1, 6, 5, 2], [3, 3, 2, 5], { padding: [2, 0, 1, 3] }),
  convolution([1, 9, 8, 3], [3, 3, 3, 4], { dilation: 2, padding: 2 }),
  convolution([1, 11, 9, 4], [3, 2, 4, 4], { dilation: 3, stride: 2, padding: 3 }),
  convolution([2, 5, 6, 6], [3, 3, 2, 9], { groups: 3, padding: 1 }),
  convolution([1, 7, 5, 8], [3, 3, 4, 8], { groups: 2, stride: 2, padding: 1 }),
  convolution([2, 6, 7, 33], [3, 3, 1, 33], { groups: 33, padding: 1 }),
  convolution([1, 7, 7, 4], [3, 3, 1, 8], { groups: 4, stride: 2, padding: 1 }),
  convolution([2, 5, 3, 33], [1, 1, 33, 65]),
  convolution([2, 6, 6, 8], [1, 1, 8, 16], { stride: 2 }),
  convolution([2, 5, 5, 4], [1, 1, 4, 3], { stride: 3, padding: 1 }),
  convolution([1, 3, 3, 4], [3, 3, 4, 5]),
  ...[
    convolution([2, 8, 7, 8], [3, 3, 8, 12], { stride: 2, padding: 1 }),
    convolution([1, 7, 8, 3], [3, 3, 3, 5], { padding: 1 }),
    convolution([2, 5, 5, 8], [1, 1, 8, 16]),
  ].map((row): Case => ({ ...row, name: `${row.name} in float16`, precision: 'float16' })),
]
