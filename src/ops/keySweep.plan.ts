import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { planMatmul } from './matmul.plan.js'
import { planReduce } from './reduce.launch.js'
import { planCopy } from './shape.launch.js'

implement('keySweep', planKeySweep)
implement('keyLoss', planKeyLoss)
implement('keyGradient', planKeyGradient)

/** Rows of queries and similarities that are in memory at a time: few enough for the cache that they pass through. */
const BLOCK = { software: { rows: 512, similarities: 2 ** 19 }, hardware: { rows: 4096, similarities: 2 ** 22 } }

/** A multiple of 64 rows begins at a multiple of 256 bytes, as every slice must, whatever the width. */
const STEP = 64

/** Scratch numbers; those below are for partial sums of the products and reductions in between. */
const TURNED = 4
const PRODUCTS = 5
const BLOCK_SUM = 6
const PARTIAL = 7
const FACTOR = 8

/** Rows `first` … `first + count − 1` of a matrix whose rows have `width` elements. */
function part(slice: Slice, first: number, count: number, width = 1): Slice {
  return { ...slice, offset: slice.offset + 4 * first * width, bytes: 4 * count * width }
}

/** [0, count) in blocks of a multiple of 64. */
function* blocksOf(count: number, most: number): Generator<{ first: number; count: number }> {
  const step = STEP * tiles(tiles(count, tiles(count, most)), STEP)
  for (let first = 0; first < count; first += step) yield { first, count: Math.min(step, count - first) }
}

/** Some rows of queries, as the columns of a matrix of `quads` vec4s a row. */
class Rows {
  readonly quads: number
  readonly turned

  constructor(
    readonly first: number,
    readonly count: number,
    readonly columns: number,
  ) {
    this.quads = tiles(count, 4)
    this.turned = scratch(TURNED, 16 * columns * this.quads)
  }

  /** What of a vector, or of a matrix, of all rows is theirs. */
  of(slice: Slice, width = 1): Slice {
    return part(slice, this.first, this.count, width)
  }

  /** Turns them, so that both products read along rows; the padding to whole vec4s holds anything. */
  turn(queries: Slice, target: Target): Dispatch[] {
    const { columns, count, quads, turned } = this
    const strides = { sourceAt: 0, sourceStrides: [1, columns], outAt: 0, outStrides: [4 * quads, 1] }
    return planCopy({ source: this.of(queries, columns), out: turned, shape: [columns, count], ...strides }, target)
  }
}

/** Some keys, and the similarities of some rows to them. */
class Block {
  readonly keys: Slice
  readonly products

  constructor(
    readonly rows: Rows,
    page: Slice,
    readonly first: number,
    readonly count: number,
  ) {
    this.keys = part(page, first, count, rows.columns)
    this.products = scratch(PRODUCTS, 16 * count * rows.quads)
  }

  biasOf(bias: Slice | undefined): Slice[] {
    return bias ? [part(bias, this.first, this.count)] : []
  }

  /** What the kernels over a block want to know of it. */
  params(first: number, scale: number) {
    const { count: rows, quads } = this.rows
    return { rows, quads, keys: this.count, first: first + this.first, scale }
  }

  /** keys · queriesᵀ: [keys, 4·quads]. */
  multiply(target: Target): Dispatch[] {
    const { quads, columns, turned } = this.rows
    const operands = { a: this.keys, b: turned, out: this.products, ...SINGLE }
    return planMatmul({ ...operands, m: this.count, n: 4 * quads, k: columns }, target)
  }
}

const SINGLE = { batch: 1, transposeA: false, transposeB: false, sharedA: true, sharedB: true }

/**
 * A block of similarities at a time, by the kernels of matmul, in memory that every block uses again: products of keys
 * and queries, their maxima, weights relative to the running maximum, and the product of weights and keys.
 */
export function planKeySweep(launch: LaunchOf<'keySweep'>, target: Target): Dispatch[] {
  const { queries, keys, rows: count, columns, keyRows } = launch
  const size = target.software ? BLOCK.software : BLOCK.hardware
  const dispatches: Dispatch[] = []
  for (const { first, count: some } of blocksOf(count, size.rows)) {
    const rows = new Rows(first, some, columns)
    dispatches.push(...rows.turn(queries, target))
    for (const { first, count } of blocksOf(keyRows, Math.ceil(size.similarities / some))) {
      dispatches.push(...sweep(launch, new Block(rows, keys, first, count), target))
    }
  }
  return dispatches
}

function sweep(launch: LaunchOf<'keySweep'>, block: Block, target: Target): Dispatch[] {
  const { skip, bias, columns, weighted } = launch
  const { rows, products, keys } = block
  const { count, quads } = rows
  const { limits } = target
  // Invocations walk √keys of them, and then as many results.
  const chunk = Math.ceil(Math.sqrt(block.count))
  const chunks = tiles(block.count, chunk)
  const partial = scratch(PARTIAL, 16 * chunks * quads)
  const factor = scratch(FACTOR, 4 * count)
  const blockSum = scratch(BLOCK_SUM, 16 * columns * quads)
  const [largest, sum] = [rows.of(launch.largest), rows.of(launch.sum)]
  const params = block.params(launch.first, launch.scale)
  const begin = Number(params.first === 0)
  const walk = {
    parameters: { SKIP: Number(skip !== undefined), BIAS: Number(bias !== undefined) },
    params: { ...params, chunk, chunks },
    grid: fold(tiles(chunks * quads, 64), limits),
    work: 4 * block.count * quads,
  }
  const rest = [...(skip ? [rows.of(skip)] : []), ...block.biasOf(bias)]
  const weighing = { a: keys, b: products, out: blockSum, ...SINGLE, transposeA: true }
  return [
    ...block.multiply(target),
    { kernel: 'key_sweep_largest', bindings: [products, partial, ...rest], ...walk },
    {
      kernel: 'key_sweep_advance',
      parameters: { BEGIN: begin },
      bindings: [partial, largest, factor],
      params: { rows: count, quads, chunks },
      grid: fold(tiles(count, 64), limits),
      work: count * chunks,
    },
    { kernel: 'key_sweep_weights', bindings: [products, partial, largest, ...rest], ...walk },
    ...(weighted ? planMatmul({ ...weighing, m: columns, n: 4 * quads, k: block.count }, target) : []),
    {
      kernel: 'key_sweep_close',
      parameters: { BEGIN: begin, WEIGHTED: Number(weighted !== undefined) },
      bindings: [partial, factor, sum, ...(weighted ? [blockSum, rows.of(weighted, columns)] : [])],
      params: { rows: count, columns, quads, chunks },
      grid: fold(tiles(count * (weighted ? columns : 1), 64), limits),
      work: count * (columns + chunks),
    },
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
  const { queries, keys, skip, bias, logSum, missing, g, dkeys, dbias, columns, keyRows, first } = launch
  const size = target.software ? BLOCK.software : BLOCK.hardware
  const rows = new Rows(0, launch.rows, columns)
  const length = 4 * rows.quads
  const dispatches = rows.turn(queries, target)
  for (const { first: begin, count } of blocksOf(keyRows, Math.ceil(size.similarities / launch.rows))) {
    const block = new Block(rows, keys, begin, count)
    const { products } = block
    dispatches.push(...block.multiply(target), {
      kernel: 'key_gradient_weights',
      parameters: { BIAS: Number(bias !== undefined) },
      bindings: [products, skip, logSum, missing, g, ...block.biasOf(bias)],
      params: block.params(first, 1),
      grid: fold(tiles(count * rows.quads, 64), target.limits),
      work: count * length,
    })
    // The weights of the rows of padding are zeros, whatever a load past the end of the queries brings.
    const operands = { a: products, b: queries, out: part(dkeys, begin, count, columns), ...SINGLE }
    dispatches.push(...planMatmul({ ...operands, m: count, n: columns, k: length }, target))
    if (!dbias) continue
    const sums = { x: products, out: part(dbias, begin, count), outer: count, length, inner: 1 }
    dispatches.push(...planReduce({ ...sums, combine: 'sum' }, target))
  }
  return dispatches
}
