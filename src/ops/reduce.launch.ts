import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { sizeOf } from '../tensor/shape.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { lanesOf } from './lanes.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[o, i] = ⊕ over r of x[o, r, i]. */
    reduce: { x: Slice; out: Slice; combine: Combine; outer: number; length: number; inner: number }
  }
}

export type Combine = 'sum' | 'max' | 'min'

const WGSL = { sum: 'total + value', max: 'max(total, value)', min: 'min(total, value)' } as const

// A serial chain of at most this many keeps the rounding of a float32 sum near that of a tree.
const CHUNK = 256

implement('reduce', planReduce)

/** A reduction whose operand may be scratch of a larger plan. */
type Reduction = Omit<LaunchOf<'reduce'>, 'op' | 'x'> & { readonly x: Binding }

/** One pass, or for a long axis several: each shortens it by up to 256. The order depends on the shape alone. */
export function planReduce(launch: Reduction, { limits }: Target): Dispatch[] {
  const { outer, inner, combine } = launch
  const { T, columns } = lanesOf(inner)
  const passes: Dispatch[] = []
  let source: Binding = launch.x
  for (let length = launch.length; passes.length === 0 || length > 1; ) {
    const chunks = tiles(length, CHUNK)
    const out: Binding = chunks === 1 ? launch.out : scratch(passes.length, 4 * outer * chunks * inner)
    passes.push({
      kernel: 'reduce',
      parameters: { COMBINE: WGSL[combine], T },
      bindings: [source, out],
      params: { outer, length, inner: columns, chunk: CHUNK, chunks },
      grid: fold(tiles(outer * chunks * columns, 64), limits),
      work: outer * length * inner,
    })
    source = out
    length = chunks
  }
  return passes
}

/** Reduces the axes `begin` to `end` (exclusive) of `x`; they are dropped. Not on the tape. */
export function reduceAxes(x: Tensor, begin: number, end: number, combine: Combine): Tensor {
  const { outer, length, inner } = aroundAxes(x, begin, end)
  const out = empty([...x.shape.slice(0, begin), ...x.shape.slice(end)], 'float32', x.device)
  x.device.launch({ op: 'reduce', x: x.slice, out: out.slice, combine, outer, length, inner })
  return out
}

/** `x` seen as [outer, length, inner] around its axes `begin` to `end` (exclusive). */
export function aroundAxes(x: Tensor, begin: number, end: number) {
  const { shape } = x
  return {
    outer: sizeOf(shape.slice(0, begin)),
    length: sizeOf(shape.slice(begin, end)),
    inner: sizeOf(shape.slice(end)),
  }
}

/** Sorted axes as runs of neighbours [begin, end), the last run first. */
export function runsOf(axes: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const axis of axes) {
    const last = runs.at(-1)
    if (last && last[1] === axis) last[1] = axis + 1
    else runs.push([axis, axis + 1])
  }
  return runs.reverse()
}
