import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { type Bank, bankOf } from './bank.js'
import './keySweep.plan.js'
import { reduceAxes } from './reduce.launch.js'

interface KeyOperands {
  queries: Slice
  keys: Slice
  bias?: Slice
  skip?: Slice
  rows: number
  columns: number
  keyRows: number
  /** Number of the page's first key. */
  first: number
}

declare module '../device/launch.js' {
  interface Launches {
    /**
     * Takes a page of keys into what every row knows: largest = max_j s_ij, sum = Σ_j exp(s_ij − largest) and, where it
     * is wanted, weighted = Σ_j exp(s_ij − largest) · k_j, over all keys so far but number skip[i]. The page with
     * `first` 0 begins. s_ij = q_i · k_j · scale + bias_j; queries and weighted [rows, columns], keys [keyRows, columns].
     */
    keySweep: KeyOperands & { largest: Slice; sum: Slice; weighted?: Slice; scale: number }
    /**
     * After the sweeps: each row's share of the mean of −log p⁺ = logSum − s⁺, from the similarity s⁺ = q · positive ·
     * scale + bias of its positive key. `largest` becomes logSum, `sum` becomes 1 − p⁺, and weighted the gradient of the
     * queries, scale / rows · (Σ_j p_j k_j − (1 − p⁺) · positive).
     */
    keyLoss: {
      queries: Slice
      positives: Slice
      bias?: Slice
      largest: Slice
      sum: Slice
      weighted?: Slice
      loss: Slice
      rows: number
      columns: number
      scale: number
    }
    /**
     * The gradient of keys that are classes, skip[i] the row's own: dkeys_j = Σ_i w_ij q_i and dbias_j = Σ_i w_ij with
     * w_ij = g / rows · p_ij, for the row's own class −g / rows · missing_i. Scale is 1; g is the gradient of the mean.
     */
    keyGradient: KeyOperands & { skip: Slice; logSum: Slice; missing: Slice; g: Slice; dkeys: Slice; dbias?: Slice }
  }
}

export interface SweepOptions {
  readonly scale: number
  /** int32 [N]: the key of the bank that each row leaves out, because it is the positive one. */
  readonly skip?: Tensor
  /** [K] for a bank of one page, added to the similarities; and what of it goes to the positives, [N]. */
  readonly bias?: { readonly keys: Tensor; readonly positives: Tensor }
  /** Whether the gradient of the queries is made along the way: a second matrix product instead of two later. */
  readonly gradient: boolean
}

export interface Swept {
  /** The mean over rows of −log p⁺, a scalar. */
  readonly loss: Tensor
  /** [N]: log Σ exp over all keys and the positive, and 1 − p⁺. */
  readonly logSum: Tensor
  readonly missing: Tensor
  /** [N, D]: the gradient of the queries. */
  readonly gradient: Tensor | undefined
}

/**
 * Cross-entropy of each query's similarity to its positive among those to all keys, which are swept tile by tile (online
 * log-sum-exp: Milakov & Gimelshein, 2018, https://arxiv.org/abs/1805.02867) and never stored: O((N + K)·D) memory.
 * Because keys have no gradient here, that of the queries falls out of the same sweep: Σ_j p_j k_j, rescaled whenever
 * the running maximum grows, as attention does it (Dao et al., 2022, https://arxiv.org/abs/2205.14135). Off the tape.
 */
export function sweepKeys(queries: Tensor, positives: Tensor, bank: Bank, options: SweepOptions): Swept {
  const { scale, skip, bias, gradient: wanted } = options
  const { device } = queries
  const [rows, columns] = queries.shape as [number, number]
  const [logSum, missing, share] = [0, 1, 2].map(() => empty([rows], 'float32', device)) as [Tensor, Tensor, Tensor]
  const gradient = wanted ? empty([rows, columns], 'float32', device) : undefined
  const state = {
    queries: queries.slice,
    largest: logSum.slice,
    sum: missing.slice,
    ...(gradient && { weighted: gradient.slice }),
    rows,
    columns,
    scale,
  }
  for (const { page, first, rows: keyRows } of bank.each) {
    device.launch({
      op: 'keySweep',
      ...state,
      keys: page.slice,
      keyRows,
      first,
      ...(skip && { skip: skip.slice }),
      ...(bias && { bias: bias.keys.slice }),
    })
  }
  device.launch({
    op: 'keyLoss',
    ...state,
    positives: positives.slice,
    ...(bias && { bias: bias.positives.slice }),
    loss: share.slice,
  })
  const loss = reduceAxes(share, 0, 1, 'sum')
  share.dispose()
  return { loss, logSum, missing, gradient }
}

/** The bank behind queries [N, D]. @throws ShapeError, DtypeError, ConfigError for a temperature that is not above 0 */
export function bankFor(op: string, queries: Tensor, pages: readonly Tensor[], temperature: number): Bank {
  wantDtype(op, 'float32', queries)
  const bank = bankOf(op, pages)
  if (queries.rank !== 2 || !sameShape(queries.shape, [queries.shape[0]!, bank.columns])) {
    throw new ShapeError(
      `${op}: a bank of width ${bank.columns} wants queries [N,${bank.columns}], got ${show(queries.shape)}`,
    )
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`${op}: wants a temperature above 0, got ${temperature}`)
  }
  return bank
}
