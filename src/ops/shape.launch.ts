import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, implement, stream, type Target } from '../device/webgpu/plan.js'
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
type Block = Omit<Copy, 'source' | 'out'>

export function planCopy(launch: Copy, target: Target): Dispatch[] {
  const block = merged(launch)
  const width = comesInFours(block) ? 4 : 1
  const { shape, sourceAt, sourceStrides, outAt, outStrides } = width === 4 ? inFours(block) : block
  const count = sizeOf(shape)
  const walk = stream(count, target)
  const params: Record<string, number> = { ...walk.params, source_at: sourceAt, out_at: outAt }
  shape.forEach((size, axis) => {
    params[`size_${axis}`] = size
    params[`source_${axis}`] = sourceStrides[axis]!
    params[`out_${axis}`] = outStrides[axis]!
  })
  return [
    {
      kernel: 'copy',
      parameters: { ...walk.parameters, RANK: shape.length, T: width === 4 ? 'vec4<u32>' : 'u32' },
      bindings: [launch.source, launch.out],
      params,
      grid: walk.grid,
      work: width * count,
    },
  ]
}

/** Drops axes of length 1 and merges neighbours over which both sides walk on: most copies need two or three axes. */
function merged({ shape, sourceAt, sourceStrides, outAt, outStrides }: Copy): Block {
  const to = { shape: [] as number[], sourceAt, sourceStrides: [] as number[], outAt, outStrides: [] as number[] }
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
  return to.shape.length > 0 ? to : { ...to, shape: [1], sourceStrides: [1], outStrides: [1] }
}

/** Whether both sides walk along the last axis, and words 4i … 4i + 3 are neighbours there wherever one looks. */
function comesInFours({ shape, sourceAt, sourceStrides, outAt, outStrides }: Block): boolean {
  const outer = [...sourceStrides.slice(0, -1), ...outStrides.slice(0, -1)]
  const walks = sourceStrides.at(-1) === 1 && outStrides.at(-1) === 1
  return walks && [sourceAt, outAt, shape.at(-1)!, ...outer].every(words => words % 4 === 0)
}

function inFours({ shape, sourceAt, sourceStrides, outAt, outStrides }: Block): Block {
  const quarter = (words: number) => words / 4
  const outerQuarters = (strides: readonly number[]) => [...strides.slice(0, -1).map(quarter), 1]
  return {
    shape: [...shape.slice(0, -1), quarter(shape.at(-1)!)],
    sourceAt: quarter(sourceAt),
    sourceStrides: outerQuarters(sourceStrides),
    outAt: quarter(outAt),
    outStrides: outerQuarters(outStrides),
  }
}

/** The position of an index in a row-major array with these strides. */
export function positionOf(index: Shape, strides: readonly number[]): number {
  return index.reduce((position, i, axis) => position + i * strides[axis]!, 0)
}
