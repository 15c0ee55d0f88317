import { batchNorm } from '../../src/ops/batchNorm.js'
import { layerNorm } from '../../src/ops/layerNorm.js'
import { localResponseNorm } from '../../src/ops/localResponseNorm.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { sizeOf } from '../reference/array.js'
import { type BatchNormAttributes, batchNorm as reference, runningStatistics } from '../reference/batchNorm.js'
import { layerNorm as layerReference } from '../reference/layerNorm.js'
import { localResponseNorm as localResponseReference } from '../reference/localResponseNorm.js'
import { normal, uniform } from '../reference/random.js'
import { type Case, caseOf, type Input } from './case.js'

export function runBatchNorm(inputs: Tensor[], attributes: BatchNormAttributes): Tensor {
  const [x, gamma, beta, runningMean, runningVariance, residual] = inputs as [
    ...[Tensor, Tensor, Tensor, Tensor, Tensor],
    Tensor?,
  ]
  return batchNorm(x, { gamma, beta, runningMean, runningVariance, ...attributes, ...(residual && { residual }) })
}

function inputsOf(shape: number[], residual: boolean): Input[] {
  const vector = [shape.at(-1)!]
  return [
    // A mean that is not 0, so that a variance from Σx² alone loses digits.
    { shape, draw: (random, count) => normal()(random, count).map(v => v + 3) },
    { shape: vector },
    { shape: vector },
    { shape: vector, differentiable: false },
    { shape: vector, draw: uniform(0.5, 2), differentiable: false },
    ...(residual ? [{ shape }] : []),
  ]
}

function normalisation(shape: number[], attributes: BatchNormAttributes, residual = false): Case {
  const { mode, relu, splits } = attributes
  const extras = [relu && 'relu', residual && 'residual', splits && `${splits} splits`].filter(Boolean)
  const title = [`batchNorm [${shape}] ${mode}`, ...extras].join(', ')
  return caseOf(title, reference, attributes, {
    inputs: inputsOf(shape, residual),
    run: inputs => runBatchNorm(inputs, attributes),
    depth: Math.max(sizeOf(shape.slice(0, -1)), 16),
  })
}

/** What an update leaves in the running mean (0) or variance (1). */
function running(shape: number[], which: 0 | 1, mode: 'update' | 'frozen', splits = 1): Case {
  const attributes: BatchNormAttributes = { mode, momentum: 0.25, splits }
  return {
    name: `batchNorm [${shape}] ${mode}, splits ${splits}: running ${which === 0 ? 'mean' : 'variance'}`,
    inputs: inputsOf(shape, false),
    run(inputs) {
      runBatchNorm(inputs, attributes)
      return inputs[3 + which]!
    },
    reference: inputs => (mode === 'frozen' ? inputs[3 + which]! : runningStatistics(inputs, attributes)[which]),
    depth: sizeOf(shape.slice(0, -1)),
  }
}

const sizes = [
  [3, 1],
  [33, 31],
  [65, 3],
  [4, 5, 7, 33],
  [2, 16, 16, 8],
  [1031, 5],
]

const layers = [
  [1, 1],
  [3, 33],
  [31, 65],
  [2, 3, 128],
  [3, 1031],
].flatMap(shape =>
  [false, true].map(affine => {
    const vector = { shape: [shape.at(-1)!] }
    return caseOf(
      `layerNorm [${shape}]${affine ? ', affine' : ''}`,
      layerReference,
      {},
      {
        inputs: [{ shape }, ...(affine ? [vector, vector] : [])],
        run: ([x, gamma, beta]) => layerNorm(x!, { ...(gamma && { gamma }), ...(beta && { beta }) }),
        depth: Math.max(...shape, 16),
      },
    )
  }),
)

const localResponses = [
  { shape: [1, 1], attributes: { size: 5 } },
  { shape: [33, 3], attributes: { size: 5, alpha: 1 } },
  { shape: [2, 5, 7, 31], attributes: { size: 5, alpha: 1 } },
  { shape: [65, 16], attributes: { size: 4, alpha: 0.5, beta: 0.5, offset: 2 } },
  { shape: [3, 130], attributes: { size: 1, alpha: 3 } },
].map(({ shape, attributes }) =>
  caseOf(`localResponseNorm [${shape}] size ${attributes.size}`, localResponseReference, attributes, {
    inputs: [{ shape }],
    run: ([x]) => localResponseNorm(x!, attributes),
    // Powers may be a few units in the last place off, as in the elementwise ops.
    depth: 16,
  }),
)

export const cases: readonly Case[] = [
  ...sizes.flatMap(shape => [
    normalisation(shape, { mode: 'update' }),
    normalisation(shape, { mode: 'update', relu: true }),
    normalisation(shape, { mode: 'frozen', relu: true, epsilon: 1e-3 }, true),
    normalisation(shape, { mode: 'inference', relu: true }, true),
  ]),
  normalisation([1, 5], { mode: 'frozen', epsilon: 0.1 }),
  normalisation([33, 31], { mode: 'update' }, true),
  normalisation([33, 31], { mode: 'inference' }),
  ...[
    { shape: [9, 1], splits: 3 },
    { shape: [64, 31], splits: 2 },
    { shape: [8, 5, 7, 33], splits: 4 },
    { shape: [16, 16, 16, 8], splits: 8 },
    { shape: [1030, 3], splits: 5 },
  ].flatMap(({ shape, splits }) => [
    normalisation(shape, { mode: 'update', splits }),
    normalisation(shape, { mode: 'update', relu: true, splits }),
    normalisation(shape, { mode: 'frozen', relu: true, splits }, true),
    normalisation(shape, { mode: 'inference', splits }),
  ]),
  ...([0, 1] as const).flatMap(which => [
    running([4, 5, 7, 33], which, 'update'),
    running([2, 3], which, 'update'),
    running([33, 5], which, 'frozen'),
    running([8, 5, 7, 33], which, 'update', 4),
    running([6, 4], which, 'update', 3),
  ]),
  ...layers,
  ...localResponses,
]
