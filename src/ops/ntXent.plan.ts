import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { weigh } from './keySweep.plan.js'
import { Queries } from './similarityBlock.js'

implement('ntXent', planNtXent)
implement('ntXentGradient', planNtXentGradient)

/** A sweep over the rows themselves, each of which leaves itself out, with the state where the results will be. */
export function planNtXent({ z, logSum, loss, rows, columns, scale }: LaunchOf<'ntXent'>, target: Target): Dispatch[] {
  const dispatches: Dispatch[] = []
  for (const queries of Queries.parts(z, rows, columns, target)) {
    dispatches.push(...queries.turn())
    for (const block of queries.blocks(z, rows)) {
      const state = { largest: queries.of(logSum), sum: queries.of(loss), begins: block.first === 0 }
      const options = { skips: { skips: 'itself' }, first: block.first - queries.first, scale } as const
      dispatches.push(...block.multiply(), ...weigh(block, state, options, target))
    }
  }
  dispatches.push({
    kernel: 'nt_xent_loss',
    bindings: [z, logSum, loss],
    params: { rows, columns, scale },
    grid: fold(tiles(rows, 64), target.limits),
    work: rows * columns,
  })
  return dispatches
}

/** Products again, what each pair of rows pulls and pushes, and its product with the rows. */
export function planNtXentGradient(launch: LaunchOf<'ntXentGradient'>, target: Target): Dispatch[] {
  const { z, logSum, g, dz, rows, columns, scale } = launch
  const dispatches: Dispatch[] = []
  for (const queries of Queries.parts(z, rows, columns, target)) {
    dispatches.push(...queries.turn())
    for (const block of queries.blocks(z, rows)) {
      const { products, count: keys } = block
      const { count, quads, first } = queries
      dispatches.push(
        ...block.multiply(),
        {
          kernel: 'nt_xent_weights',
          bindings: [products, logSum, g],
          params: { all: rows, rows: count, quads, keys, row: first, key: block.first, scale },
          grid: fold(tiles(keys * quads, 64), target.limits),
          work: 8 * keys * quads,
        },
        ...block.sumKeys(),
        block.join(queries.of(dz, columns), block.first === 0),
      )
    }
  }
  return dispatches
}
