import { bankSoftmax } from '../../src/ops/bankSoftmax.js'
import { infoNCE } from '../../src/ops/infoNCE.js'
import { softmaxClassifier } from '../../src/ops/softmaxClassifier.js'
import * as reference from '../reference/keys.js'
import { integers, normal, unitRows } from '../reference/random.js'
import { type Case, caseOf } from './case.js'

/** Queries, width, rows of each page. */
const sizes: [number, number, number[]][] = [
  [1, 1, [1]],
  [3, 31, [1]],
  [1, 65, [33]],
  [33, 5, [31, 1, 65]],
  [65, 128, [513, 300]],
  [270, 33, [64]],
  [7, 16, [1500, 700]],
]
const temperatures = [0.07, 0.5]

const bankRows = sizes.flatMap(([rows, columns, pages]) =>
  temperatures.flatMap(temperature => {
    const keys = pages.reduce((sum, size) => sum + size)
    const draw = unitRows(columns)
    const queries = { shape: [rows, columns], draw }
    const bank = pages.map(size => ({ shape: [size, columns], draw, differentiable: false }))
    const row = { depth: Math.max(rows, columns, keys), temperature }
    const name = `[${rows},${columns}] against ${pages} keys at ${temperature}`
    return [
      caseOf(
        `infoNCE ${name}`,
        reference.infoNCE,
        { temperature },
        {
          inputs: [queries, queries, ...bank],
          run: ([q, positives, ...pages]) => infoNCE(q!, positives!, pages, temperature),
          ...row,
        },
      ),
      caseOf(
        `bankSoftmax ${name}`,
        reference.bankSoftmax,
        { temperature },
        {
          inputs: [queries, { shape: [rows], draw: integers(0, keys), dtype: 'int32' }, ...bank],
          run: ([q, indices, ...pages]) => bankSoftmax(q!, indices!, pages, temperature),
          ...row,
        },
      ),
    ]
  }),
)

const classifiers = (
  [
    [1, 1, 1],
    [3, 31, 2],
    [33, 5, 65],
    [65, 33, 1031],
    [300, 16, 33],
  ] as [number, number, number][]
).flatMap(([rows, columns, classes]) =>
  [false, true].map(biased =>
    caseOf(
      `softmaxClassifier [${rows},${columns}] to ${classes} classes${biased ? ', bias' : ''}`,
      reference.softmaxClassifier,
      undefined,
      {
        inputs: [
          { shape: [rows, columns], draw: normal() },
          { shape: [classes, columns], draw: normal(2 / Math.sqrt(columns)) },
          { shape: [rows], draw: integers(0, classes), dtype: 'int32' },
          ...(biased ? [{ shape: [classes] }] : []),
        ],
        run: ([features, weight, labels, bias]) => softmaxClassifier(features!, weight!, labels!, { bias }),
        depth: Math.max(rows, columns, classes),
      },
    ),
  ),
)

export const cases: readonly Case[] = [...bankRows, ...classifiers]
