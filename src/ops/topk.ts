import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { scope } from '../tensor/scope.js'
import { show } from '../tensor/shape.js'
import { empty, Tensor, wantDtype } from '../tensor/tensor.js'
import { bankOf } from './bank.js'
import './matmul.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * Puts the k best of columns s, s + splits, … of every row of x [rows, columns] into heap row·splits + s; keys and
     * indices are [k, rows·splits]. With `first` > 0 x begins at that column, and the heaps hold what came before.
     */
    topKSelect: {
      x: Slice
      keys: Slice
      indices: Slice
      rows: number
      columns: number
      k: number
      splits: number
      first: number
    }
    /** The k best of every row's heaps in order: values and out [rows, k]. */
    topKRank: { keys: Slice; indices: Slice; values: Slice; out: Slice; rows: number; k: number; splits: number }
  }
}

implement('topKSelect', ({ x, keys, indices, rows, columns, k, splits, first }, { limits }) => [
  {
    kernel: 'top_k_select',
    parameters: { CONTINUE: +(first > 0) },
    bindings: [x, keys, indices],
    params: { lists: rows * splits, columns, k, splits, first },
    grid: fold(tiles(rows * splits, 8), limits),
    work: rows * (columns + k * splits),
  },
])

implement('topKRank', ({ keys, indices, values, out, rows, k, splits }, { limits }) => [
  {
    kernel: 'top_k_rank',
    bindings: [keys, indices, values, out],
    params: { rows, k, splits },
    grid: fold(tiles(rows * splits * k, 64), limits),
    work: rows * (splits * k) ** 2,
  },
])

export interface TopK {
  /** float32 [N, k], descending. */
  readonly values: Tensor
  /** int32 [N, k]; of equal values the lower index comes first. */
  readonly indices: Tensor
}

/** So many lists keep a device busy where there are few rows; a row's lists hold this many candidates at most. */
const LISTS = 64
const CANDIDATES = 1024

/** Elements of the block of similarities that is in memory at a time: 16 MiB. */
const BLOCK = 2 ** 22
const FEWEST_KEYS = 256

/** The k largest of every row of x [N, M], 1 ≤ k ≤ M. No gradient. @throws ShapeError, DtypeError, ConfigError */
export function topK(x: Tensor, k: number): TopK {
  wantDtype('topK', 'float32', x)
  if (x.rank !== 2) throw new ShapeError(`topK: wants x [N,M], got ${show(x.shape)}`)
  const [rows, columns] = x.shape as [number, number]
  return select('topK', x, rows, columns, k, (heaps, splits) => {
    x.device.launch({ op: 'topKSelect', x: x.slice, ...heaps, rows, columns, k, splits, first: 0 })
  })
}

/**
 * The k keys with the largest dot product with each query: `topK(matmul(queries, keys, { transposeB: true }), k)`
 * without ever holding all N·M similarities. No gradient.
 *
 * @param queries [N, D]; take some hundred at a time
 * @param keys [M, D], M ≥ k, or the pages of a bank, [m, D] each, whose rows are numbered across all of them
 * @throws ShapeError, DtypeError, ConfigError
 */
export function similarityTopK(queries: Tensor, keys: Tensor | readonly Tensor[], k: number): TopK {
  wantDtype('similarityTopK', 'float32', queries)
  const bank = bankOf('similarityTopK', keys instanceof Tensor ? [keys] : keys)
  if (queries.rank !== 2 || queries.shape[1] !== bank.columns) {
    const got = `${show(queries.shape)} and [${bank.rows},${bank.columns}]`
    throw new ShapeError(`similarityTopK: wants queries [N,D] and keys [M,D], got ${got}`)
  }
  const { device } = queries
  const [rows, depth] = queries.shape as [number, number]
  // A multiple of 64 keys begins at a multiple of 256 bytes, as every slice must.
  const block = Math.min(bank.rows, Math.max(FEWEST_KEYS, 64 * Math.floor(BLOCK / rows / 64)))
  return select('similarityTopK', queries, rows, bank.rows, k, (heaps, splits) => {
    const similarities = empty([rows, block], 'float32', device).slice
    for (const { page, first, rows: count } of bank.each) {
      for (let begin = 0; begin < count; begin += block) {
        const columns = Math.min(block, count - begin)
        const out = { ...similarities, bytes: 4 * rows * columns }
        const part = { ...page.slice, offset: page.slice.offset + 4 * begin * depth, bytes: 4 * columns * depth }
        device.launch({
          op: 'matmul',
          a: queries.slice,
          b: part,
          out,
          batch: 1,
          m: rows,
          n: columns,
          k: depth,
          transposeA: false,
          transposeB: true,
          sharedA: true,
          sharedB: true,
        })
        device.launch({ op: 'topKSelect', x: out, ...heaps, rows, columns, k, splits, first: first + begin })
      }
    }
  })
}

/** Lets `fill` put candidates into heaps, and ranks them. */
function select(
  name: string,
  { device }: Tensor,
  rows: number,
  columns: number,
  k: number,
  fill: (heaps: { keys: Slice; indices: Slice }, splits: number) => void,
): TopK {
  if (!Number.isInteger(k) || k < 1 || k > columns) {
    throw new ConfigError(`${name}: wants a whole number k from 1 to ${columns}, got ${k}`)
  }
  const splits = Math.max(1, Math.min(tiles(LISTS, rows), Math.floor(CANDIDATES / k), Math.floor(columns / k)))
  return scope(() => {
    const heaps = {
      keys: empty([k, rows * splits], 'int32', device).slice,
      indices: empty([k, rows * splits], 'int32', device).slice,
    }
    fill(heaps, splits)
    const values = empty([rows, k], 'float32', device)
    const indices = empty([rows, k], 'int32', device)
    device.launch({ op: 'topKRank', ...heaps, values: values.slice, out: indices.slice, rows, k, splits })
    return { values, indices }
  })
}
