/** The losses of whole methods that look at a batch's statistics or at the similarities within it. */
import { logSumExp } from '../../src/ops/logSumExp.js'
import { barlowTwins } from '../../src/ssl/losses/barlowTwins.js'
import { decoupledContrastive } from '../../src/ssl/losses/decoupledContrastive.js'
import { inBatchContrast } from '../../src/ssl/losses/inBatchContrast.js'
import { supervisedContrastive } from '../../src/ssl/losses/supervisedContrastive.js'
import { tico } from '../../src/ssl/losses/tico.js'
import { vicreg } from '../../src/ssl/losses/vicreg.js'
import { whiten, whitenedDistance } from '../../src/ssl/losses/whiten.js'
import { barlowTwins as barlowReference } from '../reference/barlowTwins.js'
import * as inBatch from '../reference/inBatch.js'
import { type Draw, integers, normal, unitRows } from '../reference/random.js'
import { tico as ticoReference } from '../reference/tico.js'
import { vicreg as vicregReference } from '../reference/vicreg.js'
import * as whitening from '../reference/whiten.js'
import { type Case, caseOf } from './case.js'

type Sizes = readonly [rows: number, columns: number]

/** Both ways of summing squares are taken: more rows than columns, and fewer. */
const SIZES: readonly Sizes[] = [
  [2, 3],
  [3, 31],
  [33, 5],
  [65, 33],
  [31, 130],
]

const barlow = SIZES.flatMap(shape =>
  [0.0051, 1].map(lambda =>
    caseOf(
      `barlowTwins [${shape}], lambda ${lambda}`,
      barlowReference,
      { lambda },
      {
        inputs: [{ shape }, { shape }],
        run: ([a, b]) => barlowTwins(a!, b!, lambda),
        depth: shape[0] * shape[1],
      },
    ),
  ),
)

/** Deviations on both sides of 1, where the hinge bends. */
const VICREG_DRAWS: Record<string, Draw> = { narrow: normal(0.5), wide: normal(3) }

const variances = SIZES.flatMap(shape =>
  Object.entries(VICREG_DRAWS).map(([spread, draw]) => {
    const weights = { invariance: 25, variance: 25, covariance: 1 }
    return caseOf(`vicreg [${shape}], ${spread}`, vicregReference, weights, {
      inputs: [
        { shape, draw },
        { shape, draw },
      ],
      run: ([a, b]) => vicreg(a!, b!, weights).loss,
      depth: shape[0] * shape[1],
    })
  }),
)

const ticos = SIZES.map(shape => {
  const options = { covarianceMomentum: 0.9, rho: 8 }
  return caseOf(`tico [${shape}]`, ticoReference, options, {
    inputs: [{ shape }, { shape }, { shape: [shape[1], shape[1]], draw: normal(0.1), differentiable: false }],
    run: ([a, b, covariance]) => tico(a!, b!, covariance!, options).loss,
    depth: shape[0] * shape[1],
  })
})

const sums = [[1], [3, 1], [2, 3, 33], [5, 1031]].flatMap(shape =>
  [normal(), normal(40)].map((draw, wide) =>
    caseOf(`logSumExp [${shape}]${wide ? ', wide' : ''}`, inBatch.logSumExp, undefined, {
      inputs: [{ shape, draw }],
      run: ([x]) => logSumExp(x!),
      depth: Math.max(...shape, 16),
    }),
  ),
)

const VIEWS: readonly Sizes[] = [
  [4, 3],
  [6, 1],
  [34, 65],
  [66, 33],
]

const decoupled = VIEWS.flatMap(shape =>
  [0.1, 0.5].flatMap(temperature => [
    caseOf(
      `decoupledContrastive [${shape}] at ${temperature}`,
      inBatch.decoupledContrastive,
      { temperature },
      {
        inputs: [{ shape, draw: unitRows(shape[1]) }],
        run: ([z]) => decoupledContrastive(z!, { temperature }),
        depth: Math.max(...shape),
        temperature,
      },
    ),
    weightedCase(shape, temperature, 0.5),
  ]),
)

/** The weights have no gradient: to the reference they are given numbers. */
function weightedCase(shape: Sizes, temperature: number, sigma: number): Case {
  const { decoupledContrastive: reference, misesFisherWeights } = inBatch
  return {
    name: `decoupledContrastive [${shape}] at ${temperature}, sigma ${sigma}`,
    inputs: [{ shape, draw: unitRows(shape[1]) }],
    run: ([z]) => decoupledContrastive(z!, { temperature, sigma }),
    reference: ([z]) => reference.forward([z!], { temperature, weights: misesFisherWeights(z!, sigma) }),
    gradient: ([z], above) => reference.gradient([z!], { temperature, weights: misesFisherWeights(z!, sigma) }, above),
    depth: Math.max(...shape),
    temperature,
  }
}

const supervised = ([[2, 3], ...VIEWS] as Sizes[]).flatMap(shape =>
  [0.1, 0.5].map(temperature =>
    caseOf(
      `supervisedContrastive [${shape}] at ${temperature}`,
      inBatch.supervisedContrastive,
      { temperature },
      {
        inputs: [
          { shape, draw: unitRows(shape[1]) },
          { shape: [shape[0] / 2], draw: integers(-1, 3), dtype: 'int32' },
        ],
        run: ([z, labels]) => supervisedContrastive(z!, labels!, temperature),
        depth: Math.max(...shape),
        temperature,
      },
    ),
  ),
)

const contrasts = ([[1, 3], ...SIZES] as Sizes[]).flatMap(shape =>
  [0.1, 0.5].map(temperature =>
    caseOf(
      `inBatchContrast [${shape}] at ${temperature}`,
      inBatch.inBatchContrast,
      { temperature },
      {
        inputs: [
          { shape, draw: unitRows(shape[1]) },
          { shape, draw: unitRows(shape[1]) },
        ],
        run: ([q, k]) => inBatchContrast(q!, k!, temperature),
        depth: Math.max(...shape),
        temperature,
      },
    ),
  ),
)

/** The fewer rows there are for each dimension, the smaller are some eigenvalues, and the more rounding is magnified. */
const whites = (
  [
    [5, 1],
    [9, 3],
    [65, 16],
    [130, 33],
  ] as Sizes[]
).flatMap(shape =>
  [0, 0.1].map(epsilon =>
    caseOf(
      `whiten [${shape}], ε ${epsilon}`,
      whitening.whiten,
      { epsilon },
      { inputs: [{ shape }], run: ([z]) => whiten(z!, epsilon), depth: 16 * shape[0] },
    ),
  ),
)

const distances = (
  [
    [1, 2, true],
    [2, 2, true],
    [3, 3, true],
    [2, 2, false],
  ] as const
).map(([parts, count, normalised]) => {
  const [size, epsilon] = [24, 0]
  return caseOf(
    `whitenedDistance of ${count} views in ${parts} slices${normalised ? ', normalised' : ''}`,
    whitening.whitenedDistance,
    { size, epsilon, normalised },
    {
      inputs: Array.from({ length: count }, () => ({ shape: [parts * size, 7] })),
      run: views => whitenedDistance(views, { size, epsilon, normalised }),
      depth: 16 * parts * size,
    },
  )
})

export const cases: readonly Case[] = [
  ...barlow,
  ...variances,
  ...ticos,
  ...sums,
  ...decoupled,
  ...supervised,
  ...contrasts,
  ...whites,
  ...distances,
]
