import { affineSample } from '../../src/ops/sample.js'
import { type Draw, normal } from '../reference/random.js'
import { affineSample as reference, type SampleAttributes } from '../reference/sample.js'
import { type Case, caseOf } from './case.js'

/** Crops, turns and shears around the identity, some of which leave the image. */
const theta: Draw = (random, count) => normal(0.4)(random, count).map((v, i) => v + (i % 4 === 0 && i % 6 < 5 ? 1 : 0))

const sizes: { shape: [number, number, number, number]; height: number; width: number }[] = [
  { shape: [1, 1, 1, 1], height: 1, width: 1 },
  { shape: [3, 7, 5, 3], height: 6, width: 9 },
  { shape: [2, 31, 33, 1], height: 8, width: 7 },
]

export const cases: readonly Case[] = (['bilinear', 'bicubic'] as const).flatMap(interpolation =>
  (['zeros', 'border', 'reflection'] as const).flatMap(padding =>
    sizes.map(({ shape, height, width }) => {
      const attributes: SampleAttributes = { height, width, interpolation, padding }
      return caseOf(
        `affineSample [${shape}] to ${height}x${width}, ${interpolation}, ${padding}`,
        reference,
        attributes,
        {
          inputs: [{ shape }, { shape: [shape[0], 2, 3], draw: theta, differentiable: false }],
          run: ([x, transforms]) => affineSample(x!, transforms!, attributes),
          // A coordinate is rounded to about an extent's share of ε, and the value moves with it.
          depth: Math.max(16, shape[1], shape[2]) ** 2,
        },
      )
    }),
  ),
)
