import * as ops from '../../src/ops/elementwise.js'
import { type Row, table } from '../../src/ops/elementwise.table.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type Array64, array } from '../reference/array.js'
import { elementwise } from '../reference/elementwise.js'
import { integers, uniform } from '../reference/random.js'
import { type Case, caseOf, type Input } from './case.js'

type Operand = Tensor | number
const functions = ops as unknown as Record<string, ((...operands: Operand[]) => Tensor) | undefined>
const rows: Record<string, Row> = table

/** exp, log and pow may be a few units in the last place off (WGSL, section 15.7.4). */
const depth = 16

/** A gradient that broadcasting sums to one value may cancel, and then its norm says nothing about its terms. */
const floor = 1e-6

function unary(name: string, row: Row): Case[] {
  const draw = uniform(...row.domain)
  return [[], [1], [31, 33], [65, 3, 4]].map(shape =>
    caseOf(`${name} [${shape}]`, elementwise(row), undefined, {
      inputs: [{ shape, draw, differentiable: row.derivative[0] !== null }],
      run: ([x]) => functions[name]!(x!),
      depth,
    }),
  )
}

const pairs: [number[], number[]][] = [
  [
    [31, 33],
    [31, 33],
  ],
  [[65], [31, 65]],
  [
    [3, 1, 33],
    [31, 1],
  ],
  [[1], [2, 3, 1, 5]],
]

function binary(name: string, row: Row): Case[] {
  const draw = uniform(...row.domain)
  const input = (shape: number[]): Input => ({ shape, draw, differentiable: row.derivative[0] !== null })
  const reference = elementwise(row)
  const apply = functions[name]!
  const cases = pairs.map(([a, b]) =>
    caseOf(`${name} [${a}] and [${b}]`, reference, undefined, {
      inputs: [input(a), input(b)],
      run: ([x, y]) => apply(x!, y!),
      depth,
      floor,
    }),
  )
  const integral: Case = {
    name: `${name} of integers`,
    inputs: [
      { shape: [3, 33], draw: integers(-5, 6), dtype: 'int32' },
      { shape: [33], draw: integers(-5, 6), dtype: 'int32' },
    ],
    run: ([x, y]) => apply(x!, y!),
    reference: inputs => reference.forward(inputs, undefined),
    depth: 1,
  }
  return [...cases, ...withNumber(name, row, input([33])), ...(row.integers ? [integral] : [])]
}

/** A number on either side. 1.5 is exact in float32. */
function withNumber(name: string, row: Row, input: Input): Case[] {
  const reference = elementwise(row)
  const constant = array([], [1.5])
  return [0, 1].map(at => {
    const place = (x: Array64) => (at === 0 ? [constant, x] : [x, constant])
    return {
      name: `${name} with a number ${at === 0 ? 'first' : 'last'}`,
      inputs: [input],
      run: ([x]) => (at === 0 ? functions[name]!(1.5, x!) : functions[name]!(x!, 1.5)),
      reference: ([x]) => reference.forward(place(x!), undefined),
      gradient: ([x], dy) => [reference.gradient(place(x!), undefined, dy)[1 - at]!],
      depth,
    }
  })
}

const clampReference = elementwise(table.clamp)
const bounds = [array([], [-0.75]), array([], [0.5])]
const clamp: Case = {
  name: 'clamp [31,33]',
  inputs: [{ shape: [31, 33] }],
  run: ([x]) => ops.clamp(x!, -0.75, 0.5),
  reference: ([x]) => clampReference.forward([x!, ...bounds], undefined),
  gradient: ([x], dy) => [clampReference.gradient([x!, ...bounds], undefined, dy)[0]!],
  depth,
}

const where = (['float32', 'int32', 'uint32'] as const).map(dtype =>
  caseOf(`where, condition ${dtype}`, elementwise(table.where), undefined, {
    inputs: [
      { shape: [31, 1], draw: integers(0, 2), dtype, differentiable: false },
      { shape: [3, 31, 5] },
      { shape: [5] },
    ],
    run: ([condition, a, b]) => ops.where(condition!, a!, b!),
    depth,
  }),
)

/** Last axes that come in fours, along which an operand walks or stands still, and rows that begin within a four. */
const groups = [
  [[3, 5, 12], [12]],
  [
    [3, 5, 12],
    [5, 1],
  ],
  [
    [3, 1, 8],
    [5, 1],
  ],
  [
    [1, 1100, 4],
    [3, 1, 1],
  ],
  [[6, 12], []],
].map(([a, b]) =>
  caseOf(`sub [${a}] and [${b}]`, elementwise(table.sub), undefined, {
    inputs: [{ shape: a! }, { shape: b! }],
    run: ([x, y]) => ops.sub(x!, y!),
    depth: 3300,
    floor,
  }),
)

/** Every row of the table that has a public function. */
export const cases: readonly Case[] = [
  ...Object.entries(rows).flatMap(([name, row]) => {
    if (!functions[name] || name === 'clamp' || name === 'where' || name === 'reluGradient') return []
    if (row.derivative.length === 2) return binary(name, row)
    return unary(name, row)
  }),
  clamp,
  ...where,
  ...groups,
]
