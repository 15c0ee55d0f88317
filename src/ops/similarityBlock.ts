import type { Slice } from '../device/device.js'
import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { planMatmul } from './matmul.plan.js'
import { planCopy } from './shape.launch.js'

/**
 * How losses over similarities of queries and keys walk through them on WebGPU: a block of both at a time, multiplied by
 * the kernels of matmul into memory that every block uses again. A key is a row of the block and a query a column, four
 * to a vec4, so that both products read along rows.
 */

/** Queries, and similarities, that are in memory at a time: few enough for the cache that they pass through. */
const SIZE = { software: { queries: 512, similarities: 2 ** 19 }, hardware: { queries: 4096, similarities: 2 ** 22 } }

/** A multiple of 64 rows begins at a multiple of 256 bytes, as every slice must, whatever the width. */
const STEP = 64

/** Numbers of scratch; those below are for partial sums of the products and reductions in between. */
const TURNED = 4
const PRODUCTS = 5
const SUM = 6
/** The first number that a plan over blocks may use itself. */
export const FREE_SCRATCH = 7

const SINGLE = { batch: 1, transposeA: false, transposeB: false, sharedA: true, sharedB: true }

/** Rows `first` … `first + count − 1` of a matrix whose rows have `width` elements. */
export function part(slice: Slice, first: number, count: number, width = 1): Slice {
  return { ...slice, offset: slice.offset + 4 * first * width, bytes: 4 * count * width }
}

/** [0, count) in blocks of a multiple of 64. */
function* blocksOf(count: number, most: number): Generator<{ first: number; count: number }> {
  const step = STEP * tiles(tiles(count, tiles(count, most)), STEP)
  for (let first = 0; first < count; first += step) yield { first, count: Math.min(step, count - first) }
}

/** Some queries, the columns of a matrix of `quads` vec4s a row. */
export class Queries {
  readonly quads: number
  /** [columns, 4·quads]; the padding to whole vec4s holds anything. */
  readonly turned

  constructor(
    private readonly source: Slice,
    readonly first: number,
    readonly count: number,
    readonly columns: number,
    private readonly target: Target,
  ) {
    this.quads = tiles(count, 4)
    this.turned = scratch(TURNED, 16 * columns * this.quads)
  }

  /** All queries in parts, or in one. */
  static *parts(source: Slice, count: number, columns: number, target: Target, whole = false): Generator<Queries> {
    const most = whole ? count : sizeFor(target).queries
    for (const { first, count: some } of blocksOf(count, most)) yield new Queries(source, first, some, columns, target)
  }

  /** What of a vector, or of a matrix, of all queries is theirs. */
  of(slice: Slice, width = 1): Slice {
    return part(slice, this.first, this.count, width)
  }

  turn(): Dispatch[] {
    const { columns, count, quads, turned } = this
    const strides = { sourceAt: 0, sourceStrides: [1, columns], outAt: 0, outStrides: [4 * quads, 1] }
    const source = this.of(this.source, columns)
    return planCopy({ source, out: turned, shape: [columns, count], ...strides }, this.target)
  }

  /** Blocks of these queries and all keys of a page. */
  *blocks(page: Slice, keys: number): Generator<SimilarityBlock> {
    const most = Math.ceil(sizeFor(this.target).similarities / this.count)
    for (const { first, count } of blocksOf(keys, most)) {
      yield new SimilarityBlock(this, page, first, count, this.target)
    }
  }
}

/** The similarities of some queries and some keys. */
export class SimilarityBlock {
  /** [count, columns] */
  readonly keys: Slice
  /** [count, 4·quads] */
  readonly products
  /** [columns, 4·quads] */
  readonly sum

  constructor(
    readonly queries: Queries,
    page: Slice,
    readonly first: number,
    readonly count: number,
    private readonly target: Target,
  ) {
    const { columns, quads } = queries
    this.keys = part(page, first, count, columns)
    this.products = scratch(PRODUCTS, 16 * count * quads)
    this.sum = scratch(SUM, 16 * columns * quads)
  }

  /** products = keys · queriesᵀ. */
  multiply(): Dispatch[] {
    const { quads, columns, turned } = this.queries
    const operands = { a: this.keys, b: turned, out: this.products, ...SINGLE }
    return planMatmul({ ...operands, m: this.count, n: 4 * quads, k: columns }, this.target)
  }

  /** sum = keysᵀ · products, whatever these have become: for each query a sum of keys. */
  sumKeys(): Dispatch[] {
    const { quads, columns } = this.queries
    const operands = { a: this.keys, b: this.products, out: this.sum, ...SINGLE, transposeA: true }
    return planMatmul({ ...operands, m: columns, n: 4 * quads, k: this.count }, this.target)
  }

  /** Sums of keys join those of the blocks before, which shrink by `factor` where there is one: out [queries, columns]. */
  join(out: Binding, begins: boolean, factor?: Binding): Dispatch {
    const { count: rows, columns, quads } = this.queries
    return {
      kernel: 'similarity_sums',
      parameters: { BEGIN: Number(begins), FACTOR: Number(factor !== undefined) },
      bindings: [this.sum, out, ...(factor ? [factor] : [])],
      params: { rows, columns, quads },
      grid: fold(tiles(rows * columns, 64), this.target.limits),
      work: rows * columns,
    }
  }

  /** out = products · queries: for each key a sum of queries. The products of the padding must be zeros. */
  sumQueries(queries: Slice, out: Slice): Dispatch[] {
    const { quads, columns } = this.queries
    const operands = { a: this.products, b: queries, out, ...SINGLE }
    return planMatmul({ ...operands, m: this.count, n: columns, k: 4 * quads }, this.target)
  }
}

function sizeFor({ software }: Target) {
  return software ? SIZE.software : SIZE.hardware
}
