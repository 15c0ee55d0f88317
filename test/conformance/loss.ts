import { cosineSimilarity, l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { crossEntropy, logSoftmax, softmax } from '../../src/ops/softmax.js'
import { cosineSimilarity as cosineReference, l2normalize as normalizeReference } from '../reference/normalize.js'
import { ntXent as ntXentReference } from '../reference/ntXent.js'
import { type Draw, integers, normal } from '../reference/random.js'
import * as reference from '../reference/softmax.js'
import { type Case, caseOf } from './case.js'

/** Rows of length 1. */
const unitRows =
  (columns: number): Draw =>
  (random, count) => {
    const values = normal()(random, count)
    return values.map((v, i) => {
      const start = i - (i % columns)
      return v / Math.hypot(...values.slice(start, start + columns))
    })
  }

/** Logits far apart overflow where the maximum is not taken off first. */
const wide = normal(40)

const softmaxes = [
  [1, 1],
  [3, 33],
  [31, 65],
  [2, 3, 5],
  [3, 1031],
  [2, 5000],
].flatMap(shape =>
  [normal(), wide].flatMap(draw => {
    const row = { inputs: [{ shape, draw }], depth: Math.max(...shape, 16) }
    const spread = draw === wide ? ', wide' : ''
    return [
      caseOf(`softmax [${shape}]${spread}`, reference.softmax, undefined, { ...row, run: ([x]) => softmax(x!) }),
      caseOf(`logSoftmax [${shape}]${spread}`, reference.logSoftmax, undefined, {
        ...row,
        run: ([x]) => logSoftmax(x!),
      }),
    ]
  }),
)

const entropies = (
  [
    [1, 1],
    [3, 1031],
    [33, 10],
    [65, 31],
  ] as [number, number][]
).flatMap(([rows, classes]) =>
  [0, 0.1].map(labelSmoothing =>
    caseOf(
      `crossEntropy [${rows},${classes}], smoothing ${labelSmoothing}`,
      reference.crossEntropy,
      { labelSmoothing },
      {
        inputs: [
          { shape: [rows, classes], draw: normal(3) },
          { shape: [rows], draw: integers(0, classes), dtype: 'int32' },
        ],
        run: ([logits, labels]) => crossEntropy(logits!, labels!, { labelSmoothing }),
        depth: Math.max(rows, classes),
      },
    ),
  ),
)

const normalised = [
  [1, 1],
  [3, 33],
  [65, 31],
  [2, 3, 128],
  [3, 1031],
].map(shape =>
  caseOf(
    `l2normalize [${shape}]`,
    normalizeReference,
    {},
    {
      inputs: [{ shape }],
      run: ([x]) => l2normalize(x!),
      depth: Math.max(...shape, 16),
    },
  ),
)

const cosines = (
  [
    [1, 1, 1],
    [3, 33, 31],
    [33, 5, 65],
  ] as [number, number, number][]
).map(([n, m, d]) =>
  caseOf(
    `cosineSimilarity [${n},${d}], [${m},${d}]`,
    cosineReference,
    {},
    {
      inputs: [{ shape: [n, d] }, { shape: [m, d] }],
      run: ([a, b]) => cosineSimilarity(a!, b!),
      depth: Math.max(n, m, d, 16),
    },
  ),
)

const contrastive = (
  [
    [2, 3],
    [6, 1],
    [6, 31],
    [34, 65],
    [66, 33],
    [130, 128],
  ] as [number, number][]
).flatMap(([rows, columns]) =>
  [0.1, 0.5].map(temperature =>
    caseOf(
      `ntXent [${rows},${columns}] at ${temperature}`,
      ntXentReference,
      { temperature },
      {
        inputs: [{ shape: [rows, columns], draw: unitRows(columns) }],
        run: ([z]) => ntXent(z!, temperature),
        depth: Math.max(rows, columns),
        temperature,
      },
    ),
  ),
)

export const cases: readonly Case[] = [...softmaxes, ...entropies, ...normalised, ...cosines, ...contrastive]
