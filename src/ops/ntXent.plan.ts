import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { weigh } from './keySweep.plan.js'
import { Queries } from './similarityBlock.js'

implement('ntXent', planNtXent)

/**
 * A sweep over the rows themselves, each of which leaves itself out, with the state where the results will be. Then, if
 * the gradient is wanted, a second one: products again, what each pair of rows pulls and pushes, and its product with
 * the rows. Where all rows are one block, its products are still there, and one of three matrix products is saved.
 */
export function planNtXent(launch: LaunchOf<'ntXent'>, target: Target): Dispatch[] {
  const { z, logSum, loss, dz, rows, columns, scale } = launch
  const dispatches: Dispatch[] = []
  const parts = [...Queries.parts(z, rows, columns, target)].map(queries => ({
    queries,
    blocks: [...queries.blocks(z, rows)],
  }))
  for (const { queries, blocks } of parts) {
    dispatches.push(...queries.turn())
    for (const block of blocks) {
      const state = { largest: queries.of(logSum), sum: queries.of(loss), begins: block.first === 0 }
      const options = { skips: { skips: 'itself' }, first: block.first - queries.first, scale, keeps: true } as const
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
  if (!dz) return dispatches
  const remembered = parts.length === 1 && parts[0]!.blocks.length === 1
  for (const { queries, blocks } of parts) {
    if (!remembered) dispatches.push(...queries.turn())
    for (const block of blocks) {
      const { products, count: keys } = block
      const { count, quads, first } = queries
      if (!remembered) dispatches.push(...block.multiply())
      dispatches.push(
        {
          kernel: 'nt_xent_weights',
          bindings: [products, logSum],
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
