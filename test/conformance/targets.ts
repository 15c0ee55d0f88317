/** Losses that hold a prediction against a target without a gradient, and what makes such targets. */
import { consistency } from '../../src/ssl/losses/consistency.js'
import { maskedSquaredError } from '../../src/ssl/losses/maskedSquaredError.js'
import { proximal } from '../../src/ssl/losses/proximal.js'
import { sinkhorn } from '../../src/ssl/losses/sinkhorn.js'
import { swappedPrediction } from '../../src/ssl/losses/swappedPrediction.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import type { Array64 } from '../reference/array.js'
import { type Draw, normal, uniform, unitRows } from '../reference/random.js'
import * as targets from '../reference/targets.js'
import { type Case, caseOf } from './case.js'

const swapped = (
  [
    [1, 2, [1, 3]],
    [2, 2, [2, 5]],
    [2, 4, [33, 17]],
    [2, 3, [3, 130]],
  ] as const
).flatMap(([large, views, shape]) =>
  [0.1, 1].map(temperature =>
    caseOf(
      `swappedPrediction of ${large} in ${views} views [${shape}] at ${temperature}`,
      targets.swappedPrediction,
      { targets: large, temperature },
      {
        inputs: [
          ...Array.from({ length: large }, () => ({ shape, draw: uniform(0, 1), differentiable: false })),
          ...Array.from({ length: views }, (_, view) => ({
            shape,
            // The only view with a target is not predicted from.
            differentiable: large > 1 || view > 0,
          })),
        ],
        run: inputs => swappedPrediction(inputs.slice(0, large), inputs.slice(large), temperature),
        depth: shape[0] * shape[1],
        temperature,
      },
    ),
  ),
)

/** The first patch is hidden in any case, of the others two thirds. */
const mask: Draw = (random, count) => Array.from({ length: count }, (_, i) => (i === 0 || random() < 0.67 ? 1 : 0))

const masked = (
  [
    [1, 1, 2],
    [2, 4, 12],
    [3, 16, 48],
  ] as const
).flatMap(shape =>
  [false, true].map(normalisedPixels =>
    caseOf(
      `maskedSquaredError [${shape}]${normalisedPixels ? ', normalised' : ''}`,
      targets.maskedSquaredError,
      { normalisedPixels },
      {
        inputs: [
          { shape },
          { shape, draw: normal(2), differentiable: false },
          { shape: shape.slice(0, 2), draw: mask, differentiable: false },
        ],
        run: ([painted, patches, hidden]) => maskedSquaredError(painted!, patches!, hidden!, { normalisedPixels }),
        depth: shape[0] * shape[1] * shape[2],
      },
    ),
  ),
)

const consistencies = (
  [
    [1, 2],
    [5, 10],
    [33, 129],
  ] as const
).flatMap(shape =>
  [1, 4].map(deviation =>
    caseOf(`consistency [${shape}], deviation ${deviation}`, targets.consistency, undefined, {
      inputs: [
        { shape, draw: normal(deviation) },
        { shape, draw: normal(deviation), differentiable: false },
      ],
      run: ([student, teacher]) => consistency(student!, teacher!),
      depth: shape[0] * shape[1],
    }),
  ),
)

const proximals = (
  [
    [1, 1],
    [3, 31],
    [65, 33],
  ] as const
).map(shape =>
  caseOf(`proximal [${shape}]`, targets.proximal, undefined, {
    inputs: [
      { shape, draw: unitRows(shape[1]) },
      { shape, draw: unitRows(shape[1]), differentiable: false },
    ],
    run: ([z, before]) => proximal(z!, before!),
    depth: shape[0] * shape[1],
  }),
)

/** Scores are cosines; each of the rescalings rounds anew, and exp magnifies a score's rounding by 1 / ε. */
const assignments = (
  [
    [1, 1],
    [3, 31],
    [65, 33],
    [33, 129],
  ] as const
).flatMap(shape =>
  [
    { epsilon: 0.05, iterations: 3 },
    { epsilon: 0.5, iterations: 1 },
  ].map(attributes => ({
    name: `sinkhorn [${shape}], ε ${attributes.epsilon}`,
    inputs: [{ shape, draw: uniform(-0.5, 0.5) }],
    run: ([scores]: Tensor[]) => sinkhorn(scores!, attributes),
    reference: (inputs: Array64[]) => targets.sinkhorn.forward(inputs, attributes),
    depth: Math.max(...shape),
    temperature: attributes.epsilon,
  })),
)

export const cases: readonly Case[] = [...swapped, ...masked, ...consistencies, ...proximals, ...assignments]
