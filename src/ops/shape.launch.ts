import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { type Shape, sizeOf } from '../tensor/shape.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[outAt + Σ xₖ·outStrides[k]] = source[sourceAt + Σ xₖ·sourceStrides[k]] over `shape`, in words of four bytes. */
    copy: {
      source: Slice
      out: Slice
      shape: readonly number[]
      sourceAt: number
      sourceStrides: readonly number[]
      outAt: number
      outStrides: readonly number[]
    }
  }
}

implement('copy', planCopy)

/** A copy whose target may be scratch of a larger plan. */
type Copy = Omit<LaunchOf<'copy'>, 'op' | 'out'> & { readonly out: Binding }

export function planCopy(launch: Copy, { limits }: Target): Dispatch[] {
  const { shape, sourceStrides, outStrides } = merged(launch)
  const count = sizeOf(shape)
  const params: Record<string, number> = { count, source_at: launch.sourceAt, out_at: launch.outAt }
  shape.forEach((size, axis) => {
    params[`size_${axis}`] = size
    params[`source_${axis}`] = sourceStrides[axis]!
    params[`out_${axis}`] = outStrides[axis]!
  })
  return [
    {
      kernel: 'copy',
      parameters: { RANK: shape.length },
      bindings: [launch.source, launch.out],
      params,
      grid: fold(tiles(count, 1024), limits),
      work: count,
    },
  ]
}

/** Drops axes of length 1 and merges neighbours over which both sides walk on: most copies need two or three axes. */
function merged({ shape, sourceStrides, outStrides }: Copy) {
  const to = { shape: [] as number[], sourceStrides: [] as number[], outStrides: [] as number[] }
  shape.forEach((size, axis) => {
    if (size === 1) return
    const last = to.shape.length - 1
    const source = sourceStrides[axis]!
    const out = outStrides[axis]!
    if (last >= 0 && to.sourceStrides[last] === source * size && to.outStrides[last] === out * size) {
      to.shape[last]! *= size
      to.sourceStrides[last] = source
      to.outStrides[last] = out
    } else {
      to.shape.push(size)
      to.sourceStrides.push(source)
      to.outStrides.push(out)
    }
  })
  return to.shape.length > 0 ? to : { shape: [1], sourceStrides: [1], outStrides: [1] }
}

/** The position of an index in a row-major array with these strides. */
export function positionOf(index: Shape, strides: readonly number[]): number {
  return index.reduce((position, i, axis) => position + i * strides[axis]!, 0)
}
