import { inverseCholesky } from '../../src/ops/inverseCholesky.js'
import { inverseCholesky as reference } from '../reference/inverseCholesky.js'
import { positiveDefinite } from '../reference/random.js'
import { type Case, caseOf } from './case.js'

export const cases: readonly Case[] = [1, 3, 17, 33].map(d =>
  caseOf(`inverseCholesky [${d},${d}]`, reference, undefined, {
    inputs: [{ shape: [d, d], draw: positiveDefinite }],
    run: ([x]) => inverseCholesky(x!),
    depth: 4 * d,
  }),
)
