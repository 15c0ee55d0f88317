import { nce } from '../../src/ops/nce.js'
import { sampledSoftmax } from '../../src/ops/sampledSoftmax.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type Draw, integers, normal, uniform, unitRows } from '../reference/random.js'
import * as reference from '../reference/sampled.js'
import { type Case, caseOf, type Input } from './case.js'

/** Probabilities of a few rows that are no 1/n. */
const chances: Draw = (random, count) => {
  const shares = uniform(0.5, 2)(random, count)
  const total = shares.reduce((sum, share) => sum + share)
  return shares.map(share => share / total)
}

const estimations = (
  [
    [1, 1, 1, [1]],
    [3, 31, 5, [33]],
    [33, 5, 65, [31, 1, 40]],
    [7, 128, 300, [513]],
  ] as [number, number, number, number[]][]
).flatMap(([rows, columns, drawn, pages]) =>
  [0.07, 0.5].flatMap(temperature =>
    [false, true].map(noise => {
      const classes = pages.reduce((sum, size) => sum + size)
      const draw = unitRows(columns)
      const index = { draw: integers(0, classes), dtype: 'int32' } as const
      const constant = { differentiable: false }
      const inputs: Input[] = [
        { shape: [rows, columns], draw },
        { shape: [rows], ...index },
        { shape: [rows, drawn], ...index },
        { shape: [], draw: uniform(Math.log(classes), Math.log(2 * classes)), ...constant },
        ...pages.map(size => ({ shape: [size, columns], draw, differentiable: pages.length === 1 })),
        ...(noise ? [{ shape: [classes], draw: chances, ...constant }] : []),
      ]
      return caseOf(
        `nce [${rows},${columns}], ${drawn} of ${pages} at ${temperature}${noise ? ', noise' : ''}`,
        reference.nce,
        { temperature, pages: pages.length },
        {
          inputs,
          run: tensors => {
            const [features, indices, negatives, logNormaliser, ...rest] = tensors as [Tensor, Tensor, Tensor, Tensor]
            const bank = (rest as Tensor[]).slice(0, pages.length)
            const options = { temperature, logNormaliser, ...(noise && { noise: tensors.at(-1)! }) }
            return nce(features, bank, indices, negatives, options)
          },
          depth: Math.max(rows, columns, drawn, 16),
          temperature,
        },
      )
    }),
  ),
)

const samples = (
  [
    [1, 1, 1, 1],
    [3, 31, 5, 4],
    [33, 5, 65, 31],
    [65, 33, 300, 128],
  ] as [number, number, number, number][]
).flatMap(([rows, columns, classes, drawn]) =>
  [
    { bias: false, expected: false, removeAccidentalHits: true },
    { bias: true, expected: true, removeAccidentalHits: true },
    { bias: false, expected: true, removeAccidentalHits: false },
  ].map(attributes => {
    const { bias, expected, removeAccidentalHits } = attributes
    const index = { draw: integers(0, classes), dtype: 'int32' } as const
    const count = { draw: uniform(0.1, 2), differentiable: false }
    return caseOf(
      `sampledSoftmax [${rows},${columns}], ${drawn} of ${classes}, ${JSON.stringify(attributes)}`,
      reference.sampledSoftmax,
      attributes,
      {
        inputs: [
          { shape: [rows, columns] },
          { shape: [classes, columns], draw: normal(2 / Math.sqrt(columns)) },
          { shape: [rows], ...index },
          { shape: [drawn], ...index },
          ...(bias ? [{ shape: [classes] }] : []),
          ...(expected
            ? [
                { shape: [rows], ...count },
                { shape: [drawn], ...count },
              ]
            : []),
        ],
        run: ([features, weight, labels, sampled, ...rest]) =>
          sampledSoftmax(features!, weight!, labels!, sampled!, {
            ...(bias && { bias: rest.shift()! }),
            ...(expected && { expected: { labels: rest[0]!, sampled: rest[1]! } }),
            removeAccidentalHits,
          }),
        depth: Math.max(rows, columns, drawn, 16),
      },
    )
  }),
)

export const cases: readonly Case[] = [...estimations, ...samples]
