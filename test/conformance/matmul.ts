import { matmul } from '../../src/ops/matmul.js'
import { type MatmulAttributes, matmul as reference } from '../reference/matmul.js'
import { type Case, caseOf } from './case.js'

function product(a: number[], b: number[], attributes: MatmulAttributes = {}, bias = false, residual = false): Case {
  const { transposeA = false, transposeB = false, relu = false } = attributes
  const [rows, inner] = (transposeA ? a.slice(-2).reverse() : a.slice(-2)) as [number, number]
  const columns = b.at(transposeB ? -2 : -1)!
  const added = `${bias ? ' + bias' : ''}${residual ? ' + residual' : ''}${relu ? ', ReLU' : ''}`
  const marks = `${transposeA ? ' transposed' : ''} · [${b}]${transposeB ? ' transposed' : ''}${added}`
  const lead = (a.length > b.length ? a : b).slice(0, -2)
  return caseOf(`matmul [${a}]${marks}`, reference, attributes, {
    inputs: [
      { shape: a },
      { shape: b },
      ...(bias ? [{ shape: [columns] }] : []),
      ...(residual ? [{ shape: [...lead, rows, columns] }] : []),
    ],
    run: ([x, y, z, w]) =>
      matmul(x!, y!, { transposeA, transposeB, relu, ...(z && { bias: z }), ...(w && { residual: w }) }),
    depth: Math.max(rows, inner, columns),
  })
}

/** m, k, n. */
const sizes: [number, number, number][] = [
  [1, 1, 1],
  [3, 1, 31],
  [33, 31, 65],
  [65, 3, 33],
  [1, 65, 33],
  [31, 65, 1],
  [64, 64, 64],
  [70, 129, 68],
]

export const cases: readonly Case[] = [
  ...sizes.map(([m, k, n]) => product([m, k], [k, n])),
  ...sizes.slice(2).map(([m, k, n]) => product([k, m], [k, n], { transposeA: true })),
  ...sizes.slice(2).map(([m, k, n]) => product([m, k], [n, k], { transposeB: true }, true)),
  product([31, 33], [65, 31], { transposeA: true, transposeB: true }, true),
  product([33, 8], [8, 12], {}, true),
  product([5, 3, 31], [5, 31, 4]),
  product([5, 33, 3], [5, 33, 31], { transposeA: true }),
  product([2, 3, 5, 7], [2, 3, 9, 7], { transposeB: true }, true),
  product([5, 7], [4, 7, 3]),
  product([7, 5], [4, 7, 3], { transposeA: true }, true),
  product([4, 5, 7], [7, 33]),
  product([33, 31], [31, 65], { relu: true }, true, true),
  product([2, 5, 12], [2, 7, 12], { transposeB: true, relu: true }, true, true),
  product([3, 600], [600, 8], { relu: true }, true, true),
  ...[
    product([33, 31], [31, 65], {}, true),
    product([36, 40], [44, 40], { transposeB: true }, true),
    product([5, 3, 31], [5, 31, 4]),
  ].map((row): Case => ({ ...row, name: `${row.name} in float16`, precision: 'float16' })),
]
