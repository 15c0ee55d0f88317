import { similarityTopK, topK } from '../../src/ops/topk.js'
import { distinct, integers } from '../reference/random.js'
import * as reference from '../reference/topk.js'
import type { Case } from './case.js'

const plain = [
  { shape: [1, 1], k: 1 },
  { shape: [3, 33], k: 5 },
  { shape: [33, 65], k: 65 },
  { shape: [2, 1031], k: 20 },
].flatMap(({ shape, k }): Case[] => {
  const title = `topK [${shape}], k = ${k}`
  return [
    {
      name: `${title}: values`,
      inputs: [{ shape, draw: distinct, differentiable: false }],
      run: ([x]) => topK(x!, k).values,
      reference: inputs => reference.topKValues.forward(inputs, { k }),
      depth: 1,
    },
    {
      name: `${title}: indices, with ties`,
      inputs: [{ shape, draw: integers(0, 9), differentiable: false }],
      run: ([x]) => topK(x!, k).indices,
      reference: ([x]) => reference.topKIndices(x!, k),
      depth: 1,
    },
  ]
})

/** Whole numbers, whose dot products float32 holds exactly, so that ties are ties. */
const streamed = [
  { n: 1, m: 1, d: 1, k: 1 },
  { n: 3, m: 33, d: 31, k: 5 },
  { n: 33, m: 65, d: 3, k: 65 },
  { n: 5, m: 1031, d: 33, k: 20 },
].flatMap(({ n, m, d, k }): Case[] => {
  const inputs = [n, m].map(rows => ({ shape: [rows, d], draw: integers(-3, 4), differentiable: false }))
  const title = `similarityTopK [${n},${d}], [${m},${d}], k = ${k}`
  return [
    {
      name: `${title}: values`,
      inputs,
      run: ([queries, keys]) => similarityTopK(queries!, keys!, k).values,
      reference: ([queries, keys]) => reference.topKValues.forward([reference.similarity(queries!, keys!)], { k }),
      depth: d,
    },
    {
      name: `${title}: indices`,
      inputs,
      run: ([queries, keys]) => similarityTopK(queries!, keys!, k).indices,
      reference: ([queries, keys]) => reference.topKIndices(reference.similarity(queries!, keys!), k),
      depth: 1,
    },
  ]
})

export const cases: readonly Case[] = [...plain, ...streamed]
