import type { LaunchOf } from '../device/launch.js'
import { type Binding, type Dispatch, fold, type Target, tiles } from '../device/webgpu/plan.js'

/** A product whose operands may be scratch of a larger plan. */
export type Product = Omit<LaunchOf<'matmul'>, 'op' | 'a' | 'b' | 'out'> & {
  readonly a: Binding
  readonly b: Binding
  readonly out: Binding
}

/** Workgroups that keep a machine busy: a software adapter runs one a core, a GPU a few hundred. */
const BUSY = { software: 8, hardware: 512 } as const

/** A serial float32 sum longer than this loses accuracy, so it is split where there is room for the partial sums. */
const MAX_CHUNK = 16_384
/** Shorter parts are not worth a dispatch that adds them up. */
export const MIN_CHUNK = 128

/** Bytes of partial sums that a split may cost. */
const MAX_PARTIALS = 32 * 2 ** 20

/** What happens to a sum on its way to memory: relu(sum + bias + residual), each of the three where it is asked for. */
export interface Epilogue {
  readonly bindings: readonly Binding[]
  readonly parameters: { readonly BIAS: number; readonly RESIDUAL: number; readonly RELU: number }
}

export const NO_EPILOGUE: Epilogue = { bindings: [], parameters: { BIAS: 0, RESIDUAL: 0, RELU: 0 } }

/** The epilogue of a product, with its operands in the order in which every kernel binds them. */
export function epilogueOf({ bias, residual, relu }: Pick<Product, 'bias' | 'residual' | 'relu'>): Epilogue {
  return {
    bindings: [bias, residual].filter(operand => operand !== undefined),
    parameters: { BIAS: Number(!!bias), RESIDUAL: Number(!!residual), RELU: Number(relu ?? false) },
  }
}

/** Chunks of whole turns of 16 that cover a sum of `length`, as many as wanted or as there are. */
export function chunksOf(length: number, wanted: number): { splits: number; chunk: number } {
  const chunk = 16 * tiles(tiles(length, wanted), 16)
  return { splits: tiles(length, chunk), chunk }
}

/** The dispatch that adds up the partial sums of a split, in order, and then what the product's epilogue adds. */
export function sumSplits(
  parts: Binding,
  out: Binding,
  count: number,
  splits: number,
  { limits }: Target,
  product: Pick<Product, 'bias' | 'residual' | 'relu' | 'n'> = { n: 1 },
): Dispatch {
  const { bindings, parameters } = epilogueOf(product)
  return {
    kernel: 'sum_splits',
    parameters,
    bindings: [parts, out, ...bindings],
    params: { count, splits, columns: product.n },
    grid: fold(tiles(count, 64), limits),
    work: count * splits,
  }
}

/**
 * How often to split a sum of `length` terms so that `workgroups` become enough and no chunk is too long, nor shorter
 * than `least`, within the room for partial sums of `bytes` each. Depends on the shape and the kind of adapter alone.
 */
export function splitsFor(
  length: number,
  workgroups: number,
  bytes: number,
  { software, limits }: Target,
  least = MIN_CHUNK,
): number {
  const busy = software ? BUSY.software : BUSY.hardware
  const forGrid = Math.min(tiles(busy, workgroups), Math.floor(length / least))
  const room = Math.floor(Math.min(MAX_PARTIALS, limits.maxBindingBytes) / bytes)
  return Math.max(1, Math.min(Math.max(forGrid, tiles(length, MAX_CHUNK)), room))
}
