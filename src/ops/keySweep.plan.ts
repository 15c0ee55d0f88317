import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { planReduce } from './reduce.launch.js'
import { FREE_SCRATCH, part, Queries, type SimilarityBlock } from './similarityBlock.js'

implement('keySweep', planKeySweep)
implement('keyLoss', planKeyLoss)
implement('keyGradient', planKeyGradient)

const PARTIAL = FREE_SCRATCH
const FACTOR = FREE_SCRATCH + 1

/** Products of a block, their maxima, their weights relative to the running maximum, and the weighted sum of keys. */
export function planKeySweep(launch: LaunchOf<'keySweep'>, target: Target): Dispatch[] {
  const { skip, bias, weighted, columns, first, scale } = launch
  const dispatches: Dispatch[] = []
  for (const queries of Queries.parts(launch.queries, launch.rows, columns, target)) {
    dispatches.push(...queries.turn())
    for (const block of queries.blocks(launch.keys, launch.keyRows)) {
      const begins = first + block.first === 0
      const state = { largest: queries.of(launch.largest), sum: queries.of(launch.sum), begins }
      const options = {
        skips: skip ? ({ skips: 'given', skip: queries.of(skip) } as const) : ({ skips: '' } as const),
        bias: bias && part(bias, block.first, block.count),
        first: first + block.first,
        scale,
      }
      dispatches.push(...block.multiply(), ...weigh(block, state, options, target))
      if (!weighted) continue
      const factor = scratch(FACTOR, 4 * queries.count)
      dispatches.push(...block.sumKeys(), block.join(queries.of(weighted, columns), begins, factor))
    }
  }
  return dispatches
}

/** What each of a block's queries knows of the keys before. */
interface SweepState {
  readonly largest: Binding
  readonly sum: Binding
  readonly begins: boolean
}

interface WeighOptions {
  /** Which key a query leaves out: none, the one that is named, or the one with its own number. */
  readonly skips: { readonly skips: '' | 'itself' } | { readonly skips: 'given'; readonly skip: Binding }
  readonly bias?: Binding | undefined
  /** Number of the block's first key; beside `itself` counted from its first query. */
  readonly first: number
  readonly scale: number
  /** The products stay as they are, and only the sums are made. */
  readonly keeps?: boolean
}

/** Products of a block become weights exp(s − largest) for the largest similarity so far, and their sums join `sum`. */
export function weigh(
  { queries: { count: rows, quads }, products, count: keys }: SimilarityBlock,
  { largest, sum, begins }: SweepState,
  { skips, bias, first, scale, keeps = false }: WeighOptions,
  { limits }: Target,
): Dispatch[] {
  // Invocations walk √keys of them, and then as many results.
  const chunk = Math.ceil(Math.sqrt(keys))
  const chunks = tiles(keys, chunk)
  const partial = scratch(PARTIAL, 16 * chunks * quads)
  const factor = scratch(FACTOR, 4 * rows)
  const rest = [...(bias ? [bias] : []), ...(skips.skips === 'given' ? [skips.skip] : [])]
  const walk = {
    parameters: { SKIP: skips.skips, BIAS: Number(bias !== undefined) },
    params: { rows, quads, keys, chunk, chunks, first, scale },
    grid: fold(tiles(chunks * quads, 64), limits),
    work: 4 * keys * quads,
  }
  const row = {
    parameters: { BEGIN: Number(begins) },
    params: { rows, quads, chunks },
    grid: fold(tiles(rows, 64), limits),
    work: rows * chunks,
  }
  return [
    { kernel: 'key_sweep_largest', bindings: [products, partial, ...rest], ...walk },
    { kernel: 'key_sweep_advance', bindings: [partial, largest, factor], ...row },
    {
      ...walk,
      kernel: 'key_sweep_weights',
      parameters: { ...walk.parameters, KEEP: Number(keeps) },
      bindings: [products, partial, largest, ...rest],
    },
    { kernel: 'key_sweep_sum', bindings: [partial, factor, sum], ...row },
  ]
}

function planKeyLoss(launch: LaunchOf<'keyLoss'>, { limits }: Target): Dispatch[] {
  const { queries, positives, bias, largest, sum, weighted, loss, rows, columns, scale } = launch
  return [
    {
      kernel: 'key_loss',
      parameters: { WEIGHTED: Number(weighted !== undefined), BIAS: Number(bias !== undefined) },
      bindings: [queries, positives, largest, sum, loss, ...(weighted ? [weighted] : []), ...(bias ? [bias] : [])],
      params: { rows, columns, scale },
      grid: fold(tiles(rows, 64), limits),
      work: 2 * rows * columns,
    },
  ]
}

/** Products again, their weights, and the product of weights and queries: the gradient of a block of keys at once. */
export function planKeyGradient(launch: LaunchOf<'keyGradient'>, target: Target): Dispatch[] {
  const { keys, skip, bias, logSum, missing, g, dkeys, dbias, columns, keyRows, first } = launch
  const dispatches: Dispatch[] = []
  for (const queries of Queries.parts(launch.queries, launch.rows, columns, target, true)) {
    const { count: rows, quads } = queries
    dispatches.push(...queries.turn())
    for (const block of queries.blocks(keys, keyRows)) {
      const { products, count } = block
      const ofBlock = (slice: typeof keys, width = 1) => part(slice, block.first, count, width)
      dispatches.push(...block.multiply(), {
        kernel: 'key_gradient_weights',
        parameters: { BIAS: Number(bias !== undefined) },
        bindings: [products, skip, logSum, missing, g, ...(bias ? [ofBlock(bias)] : [])],
        params: { rows, quads, keys: count, first: first + block.first, scale: 1 },
        grid: fold(tiles(count * quads, 64), target.limits),
        work: 4 * count * quads,
      })
      dispatches.push(...block.sumQueries(launch.queries, ofBlock(dkeys, columns)))
      if (!dbias) continue
      const sums = { x: products, out: ofBlock(dbias), outer: count, length: 4 * quads, inner: 1 }
      dispatches.push(...planReduce({ ...sums, combine: 'sum' }, target))
    }
  }
  return dispatches
}
