import { cosineSimilarity, l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { accuracy, crossEntropy, logSoftmax, softmax } from '../../src/ops/softmax.js'
import { cosineSimilarity as cosineReference, l2normalize as normalizeReference } from '../reference/normalize.js'
import { ntXent as ntXentReference } from '../reference/ntXent.js'
import { type Draw, integers, normal, unitRows } from '../reference/random.js'
import * as reference from '../reference/softmax.js'
import { type Case, caseOf } from './case.js'

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

/** A third of the rows has no label, and of the last set none. */
const partly = (
  [
    [1, 3],
    [3, 1031],
    [65, 31],
    [300, 10],
    [5, 4],
  ] as [number, number][]
).flatMap(([rows, classes], i) => {
  const some: Draw = (random, count) => integers(-1, 2)(random, count).map(v => (v < 0 ? -1 : v * (classes - 1)))
  const none: Draw = (_, count) => new Array<number>(count).fill(-1)
  const row = {
    inputs: [
      { shape: [rows, classes], draw: normal(3) },
      { shape: [rows], draw: i === 4 ? none : some, dtype: 'int32' as const },
    ],
    depth: Math.max(rows, classes),
  }
  const losses = (['rows', 'labelled'] as const).map(meanOver => {
    const attributes = { meanOver, labelSmoothing: i % 2 ? 0.1 : 0 }
    return caseOf(
      `crossEntropy [${rows},${classes}], some unlabelled, over ${meanOver}`,
      reference.crossEntropy,
      attributes,
      {
        ...row,
        run: ([logits, labels]) => crossEntropy(logits!, labels!, attributes),
      },
    )
  })
  const share: Case = {
    name: `accuracy [${rows},${classes}]`,
    ...row,
    run: ([logits, labels]) => accuracy(logits!, labels!),
    reference: inputs => reference.accuracy.forward(inputs, undefined),
  }
  return [...losses, share]
})

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

export const cases: readonly Case[] = [...softmaxes, ...entropies, ...partly, ...normalised, ...cosines, ...contrastive]
