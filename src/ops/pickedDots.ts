import type { Slice } from '../device/device.js'
import { GradientError, ShapeError } from '../device/errors.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { zeros } from '../tensor/create.js'
import { sameShape, show } from '../tensor/shape.js'
import { isTracked, onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { type Bank, bankOf } from './bank.js'
import './gather.launch.js'

interface PickOperands {
  page: Slice
  indices: Slice
  rows: number
  columns: number
  picked: number
  first: number
  pageRows: number
}

declare module '../device/launch.js' {
  interface Launches {
    /** out[n, s] = queries[n] · page[indices[n, s] − first] where the page has that row; out [rows, picked]. */
    pickedDots: PickOperands & { queries: Slice; out: Slice }
    /** out[n] (+)= Σ_s factors[n, s] · page[indices[n, s] − first] over the rows that the page has; `first` 0 begins. */
    pickedSum: PickOperands & { factors: Slice; out: Slice }
  }
}

implement('pickedDots', ({ page, indices, queries, out, rows, columns, picked, ...rest }, { limits }) => [
  {
    kernel: 'picked_dots',
    parameters: { VEC: Number(columns % 4 === 0) },
    bindings: [queries, page, indices, out],
    params: { rows, columns, picked, first: rest.first, page_rows: rest.pageRows },
    grid: fold(tiles(rows * picked, 64), limits),
    work: rows * columns * picked,
  },
])

implement('pickedSum', planPickedSum)

/** Multiply-adds of a dispatch, so that none takes a second, and how many terms the kernel sums before it adds. */
const [MOST_WORK, TERMS] = [2 ** 25, 256]

/** One dispatch for so many terms of every sum; the order in which they are added depends on none of it. */
export function planPickedSum(launch: LaunchOf<'pickedSum'>, { limits }: Pick<Target, 'limits'>): Dispatch[] {
  const { page, indices, factors, out, rows, columns, picked, first, pageRows } = launch
  const each = TERMS * Math.max(1, Math.floor(MOST_WORK / (rows * columns * TERMS)))
  const vec = columns % 4 === 0
  const counted = vec ? columns / 4 : columns
  return Array.from({ length: tiles(picked, each) }, (_, part) => {
    const [begin, end] = [part * each, Math.min((part + 1) * each, picked)]
    return {
      kernel: 'picked_sum',
      parameters: { VEC: Number(vec), BEGIN: Number(first === 0 && begin === 0) },
      bindings: [factors, page, indices, out],
      params: { rows, columns: counted, picked, first, page_rows: pageRows, begin, end },
      grid: fold(tiles(rows * counted, 64), limits),
      work: rows * columns * (end - begin),
    }
  })
}

/**
 * The dot products of every query with rows of a bank that are picked for it: out[n, s] = queries[n] · bank[indices[n,
 * s]]; 0 for an index outside. The N·m rows are read where they lie and never gathered. One launch a page.
 *
 * @param queries float32 [N, D]
 * @param pages float32 [k, D] each; a bank of one page may be trained, then its gradient is made as well
 * @param indices int32 [N, m], numbered across all pages
 * @returns float32 [N, m]; its gradient is of first order
 * @throws ShapeError, DtypeError, GradientError for a bank of several pages that is on the tape
 */
export function pickedDots(queries: Tensor, pages: readonly Tensor[], indices: Tensor): Tensor {
  const bank = bankOf('pickedDots', pages)
  wantDtype('pickedDots', 'float32', queries)
  wantDtype('pickedDots', 'int32', indices)
  const [rows] = queries.shape as [number]
  const [, picked] = indices.shape as [number, number]
  if (!sameShape(queries.shape, [rows, bank.columns]) || !sameShape(indices.shape, [rows, picked])) {
    const got = `${show(queries.shape)} and ${show(indices.shape)}`
    throw new ShapeError(
      `pickedDots: a bank of width ${bank.columns} wants queries [N,${bank.columns}] and indices [N,m], got ${got}`,
    )
  }
  if (pages.length > 1 && pages.some(isTracked)) {
    throw new GradientError(
      `pickedDots: a bank of ${pages.length} pages is constant; stopGradient it, or train one page`,
    )
  }
  const { device } = queries
  const sizes = { indices: indices.slice, rows, columns: bank.columns, picked }
  const out = zeros([rows, picked], { device })
  for (const { page, first, rows: pageRows } of bank.each) {
    const operands = { queries: queries.slice, page: page.slice, out: out.slice }
    device.launch({ op: 'pickedDots', ...operands, ...sizes, first, pageRows })
  }
  const [weight] = pages as [Tensor]
  return onceDifferentiable('pickedDots', out, [queries, weight, indices], (g, needed) => [
    needed[0] ? pickedSum(g, bank, indices) : null,
    needed[1] ? scatterPicked(g, queries, indices, weight) : null,
    null,
  ])
}

/** Σ_s factors[n, s] · bank[indices[n, s]]: [N, D]. */
function pickedSum(factors: Tensor, { each, columns }: Bank, indices: Tensor): Tensor {
  const [rows, picked] = indices.shape as [number, number]
  const out = empty([rows, columns], 'float32', factors.device)
  for (const { page, first, rows: pageRows } of each) {
    const operands = { factors: factors.slice, page: page.slice, indices: indices.slice, out: out.slice }
    out.device.launch({ op: 'pickedSum', ...operands, rows, columns, picked, first, pageRows })
  }
  return out
}

/** To every row of the weight, Σ factors[n, s] · queries[n] over the places that picked it. */
function scatterPicked(factors: Tensor, queries: Tensor, indices: Tensor, { shape, device }: Tensor): Tensor {
  const [rows, inner] = shape as [number, number]
  const out = empty([rows, inner], 'float32', device)
  device.launch({
    op: 'scatterAdd',
    updates: queries.slice,
    factors: factors.slice,
    indices: indices.slice,
    out: out.slice,
    count: indices.size,
    each: indices.shape[1]!,
    rows,
    inner,
  })
  return out
}
