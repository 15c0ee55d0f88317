import { averagePool2d, globalAveragePool, maxPool2d, quadrantMaxPool } from '../../src/ops/pool.js'
import * as reference from '../reference/pool.js'
import { distinct } from '../reference/random.js'
import { type Case, caseOf } from './case.js'

const windows: { shape: number[]; attributes: reference.PoolAttributes }[] = [
  { shape: [1, 1, 1, 1], attributes: { size: 1 } },
  { shape: [2, 6, 8, 3], attributes: { size: 2 } },
  { shape: [2, 7, 5, 31], attributes: { size: 3, stride: 2, padding: 1 } },
  { shape: [1, 9, 8, 4], attributes: { size: 2, stride: 3 } },
  { shape: [3, 5, 7, 1], attributes: { size: 3, stride: 1 } },
]

export const cases: readonly Case[] = [
  ...windows.flatMap(({ shape, attributes }) => {
    const options = JSON.stringify(attributes).replace(/["{}]/g, '')
    const inputs = [{ shape, draw: distinct }]
    return [
      caseOf(`maxPool2d [${shape}] ${options}`, reference.maxPool2d, attributes, {
        inputs,
        run: ([x]) => maxPool2d(x!, attributes),
        depth: 9,
      }),
      caseOf(`averagePool2d [${shape}] ${options}`, reference.averagePool2d, attributes, {
        inputs,
        run: ([x]) => averagePool2d(x!, attributes),
        depth: 9,
      }),
    ]
  }),
  ...[
    [1, 2, 2, 1],
    [3, 5, 7, 33],
    [2, 31, 3, 4],
  ].map(shape =>
    caseOf(`quadrantMaxPool [${shape}]`, reference.quadrantMaxPool, undefined, {
      inputs: [{ shape, draw: distinct }],
      run: ([x]) => quadrantMaxPool(x!),
      depth: 1,
    }),
  ),
  ...[
    [1, 1, 1, 1],
    [3, 5, 7, 33],
    [2, 31, 3, 4],
  ].map(shape =>
    caseOf(`globalAveragePool [${shape}]`, reference.globalAveragePool, undefined, {
      inputs: [{ shape }],
      run: ([x]) => globalAveragePool(x!),
      depth: shape[1]! * shape[2]!,
    }),
  ),
]
