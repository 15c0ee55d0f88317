import type { Slice } from './device.js'

/**
 * Every launch a device can be asked for, by name. Empty here: each file of `ops/` adds its own by module
 * augmentation, so that `device` has heard of no particular op.
 *
 *   declare module '../device/launch.js' {
 *     interface Launches { fill: { out: Slice; value: number; count: number } }
 *   }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by module augmentation
export interface Launches {}

/**
 * Number format of the products of a convolution or a matmul. `bfloat16` (CPU device): operands may be rounded to it,
 * where that is faster. `float16` (WebGPU with shader-f16): operands are rounded to it as they are loaded; numbers above
 * 65,504 are lost. Either way tensors in memory, sums and results are float32.
 */
export type Precision = 'float32' | 'bfloat16' | 'float16'

export type LaunchName = keyof Launches

/** A launch is plain data: the op's name, the slices it reads and writes, and its sizes. */
export type Launch = { [Name in LaunchName]: { readonly op: Name } & Readonly<Launches[Name]> }[LaunchName]

/** The launch of one op. */
export type LaunchOf<Name extends LaunchName> = { readonly op: Name } & Readonly<Launches[Name]>

/** Whether a value of a launch is an operand, a part of a device buffer. */
export function isSlice(value: unknown): value is Slice {
  return typeof value === 'object' && value !== null && 'buffer' in value && 'offset' in value
}

/** Every operand of a launch, also those in lists. */
export function slicesOf(launch: Launch): Slice[] {
  const collect = (value: unknown): Slice[] => {
    if (isSlice(value)) return [value]
    return Array.isArray(value) ? value.flatMap(collect) : []
  }
  return Object.values(launch).flatMap(collect)
}
