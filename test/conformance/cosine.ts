import { negativeCosine, normalizedDistance } from '../../src/ssl/losses/cosine.js'
import * as reference from '../reference/cosine.js'
import { type Case, caseOf } from './case.js'

export const cases: readonly Case[] = (
  [
    [1, 1],
    [1, 33],
    [2, 3],
    [33, 31],
    [65, 128],
  ] as [number, number][]
).flatMap(([rows, columns]) => {
  const row = {
    inputs: [{ shape: [rows, columns] }, { shape: [rows, columns] }],
    depth: Math.max(rows, columns, 16),
    // In one dimension there are no angles: the gradient is 0, and cancels to the last digit.
    ...(columns === 1 && { floor: 1e-6 }),
  }
  return [
    caseOf(`normalizedDistance [${rows},${columns}]`, reference.normalizedDistance, undefined, {
      ...row,
      run: ([p, t]) => normalizedDistance(p!, t!),
    }),
    caseOf(`negativeCosine [${rows},${columns}]`, reference.negativeCosine, undefined, {
      ...row,
      run: ([p, z]) => negativeCosine(p!, z!),
    }),
  ]
})
