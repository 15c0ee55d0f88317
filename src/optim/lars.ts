import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, implement, scratch, stream, type Target, tiles } from '../device/webgpu/plan.js'
import type { Arena } from '../nn/arena.js'
import { type TeamForce, teamOf } from '../ops/team.js'
import { tensor } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import {
  type Group,
  isUndecayed,
  Optimizer,
  type OptimizerOptions,
  type OptimizerPage,
  type Scaled,
  type StepValues,
  wantFraction,
} from './optimizer.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * trust[slot] for a page: sums over `rangeCount` stretches of vec4s, then over the stretches of each of
     * `slotCount` slots. hyper[1] = λ, hyper[3] = eeta.
     */
    larsTrust: {
      parameters: Slice
      gradients: Slice
      hyper: Slice
      ranges: Slice
      slots: Slice
      trust: Slice
      rangeCount: number
      slotCount: number
    } & Scaled
    /** Over a page of `count` vec4s; hyper = [lr, λ, μ, eeta]. Without `adaptation` the trust is 1 everywhere. */
    lars: { parameters: Slice; momentum: Slice; gradients: Slice; hyper: Slice; count: number } & Partial<Adaptation> &
      Scaled
  }
}

/** The trust of every slot, and the slot that each 256 bytes of the page belong to. */
interface Adaptation {
  trust: Slice
  slotOfBlock: Slice
}

implement('larsTrust', planLarsTrust)

/** Sums over ranges, then over the ranges of each slot; both shared out as the rows of a softmax are. */
export function planLarsTrust(launch: LaunchOf<'larsTrust'>, target: Target, force?: TeamForce): Dispatch[] {
  const { parameters, gradients, hyper, scaling, ranges, slots, trust, rangeCount, slotCount } = launch
  const partial = scratch(0, 8 * rangeCount)
  const ofRanges = teamOf(rangeCount, 4 * RANGE, target, force)
  const ofSlots = teamOf(slotCount, tiles(rangeCount, slotCount), target, force)
  return [
    {
      kernel: 'lars_norms',
      parameters: { ...ofRanges.parameters, SCALED: Number(scaling !== undefined) },
      bindings: [parameters, gradients, hyper, ranges, partial, ...(scaling ? [scaling] : [])],
      params: { count: rangeCount },
      grid: ofRanges.grid,
      work: parameters.bytes / 2,
    },
    {
      kernel: 'lars_trust',
      parameters: ofSlots.parameters,
      bindings: [partial, slots, hyper, trust],
      params: { count: slotCount },
      grid: ofSlots.grid,
      work: rangeCount,
    },
  ]
}

implement('lars', ({ parameters, momentum, gradients, hyper, scaling, count, trust, slotOfBlock }, target) => {
  const tables = trust && slotOfBlock ? [trust, slotOfBlock] : []
  const walk = stream(count, target)
  return [
    {
      ...walk,
      kernel: 'lars',
      parameters: { ...walk.parameters, ADAPT: Number(tables.length > 0), SCALED: Number(scaling !== undefined) },
      bindings: [parameters, momentum, gradients, hyper, ...tables, ...(scaling ? [scaling] : [])],
      work: 4 * count,
    },
  ]
})

export interface LARSOptions extends OptimizerOptions {
  /** μ. @default 0.9 */
  readonly momentum?: number
  /** The trust coefficient. @default 0.001 */
  readonly eeta?: number
  /** Groups without adaptation. @default those of what is not decayed (`isUndecayed`) */
  readonly excluded?: readonly string[]
}

/** What a page's trust is computed from: the layout of its slots, on the device. */
interface PageTables {
  readonly ranges: Tensor
  readonly slots: Tensor
  readonly slotOfBlock: Tensor
  readonly trust: Tensor
}

// vec4s of a range: few enough to keep a GPU busy, many enough to leave few sums.
const RANGE = 512
// vec4s in the 256 bytes that slots are aligned to.
const BLOCK = 16

/**
 * Layer-wise adaptive rates (You, Gitman & Ginsburg, 2017, https://arxiv.org/abs/1708.03888), as in SimCLR's
 * `lars_optimizer.py`: g' = g + λ·w, trust = eeta·‖w‖ / ‖g'‖ for each tensor (1 where a norm is 0), v = μ·v +
 * lr·trust·g', w −= v. Excluded groups (biases and norms) are neither decayed nor adapted.
 */
export class LARS extends Optimizer {
  protected readonly moments: { readonly momentum: Arena }
  private readonly momentum: number
  private readonly eeta: number
  /** By page; none for pages of excluded groups. */
  private readonly tables: readonly (PageTables | undefined)[]

  /** @throws ConfigError for a momentum that is not from 0 to below 1. */
  constructor(parameters: Arena, gradients: Arena, options: LARSOptions = {}) {
    const { momentum = 0.9, eeta = 0.001, excluded, ...rest } = options
    super(parameters, gradients, rest)
    wantFraction('LARS: momentum', momentum)
    this.momentum = momentum
    this.eeta = eeta
    this.moments = { momentum: parameters.like() }
    this.tables = parameters.pages.map(({ group }, page) =>
      (excluded?.includes(group) ?? isUndecayed(group)) ? undefined : tablesOf(parameters, page),
    )
  }

  protected hyperOf(group: Group, values: StepValues): number[] {
    return [group.rate(values), group.decay(values), this.momentum, this.eeta]
  }

  protected update({ index, ...page }: OptimizerPage): void {
    const { device } = this.parameters
    const momentum = this.moments.momentum.pages[index]!.slice
    const update = { op: 'lars', ...page, momentum } as const
    const tables = this.tables[index]
    if (!tables) {
      device.launch(update)
      return
    }
    const trust = tables.trust.slice
    const { count: _, ...operands } = page
    device.launch({
      op: 'larsTrust',
      ...operands,
      ranges: tables.ranges.slice,
      slots: tables.slots.slice,
      trust,
      rangeCount: tables.ranges.shape[0]!,
      slotCount: tables.slots.shape[0]!,
    })
    device.launch({ ...update, trust, slotOfBlock: tables.slotOfBlock.slice })
  }

  override dispose(): void {
    super.dispose()
    for (const tables of this.tables) for (const table of Object.values(tables ?? {})) table.dispose()
  }
}

/** Splits the slots of a page into ranges of at most `RANGE` vec4s and says which ranges and blocks are whose. */
function tablesOf(arena: Arena, page: number): PageTables {
  const ranges: number[] = []
  const slots: number[] = []
  const slotOfBlock: number[] = []
  const mine = arena.slots.filter(slot => slot.page === page)
  mine.forEach(({ offset, tensor }, slot) => {
    const begin = offset / 16
    const blocks = Math.ceil(tensor.size / 4 / BLOCK)
    const end = begin + BLOCK * blocks
    for (let block = 0; block < blocks; block++) slotOfBlock.push(slot)
    const first = ranges.length / 2
    for (let at = begin; at < end; at += RANGE) ranges.push(at, Math.min(at + RANGE, end))
    slots.push(first, ranges.length / 2)
  })
  const table = (rows: number[], shape: number[]) => {
    return keep(tensor(Uint32Array.from(rows), { shape, dtype: 'uint32', device: arena.device }))
  }
  return {
    ranges: table(ranges, [ranges.length / 2, 2]),
    slots: table(slots, [mine.length, 2]),
    slotOfBlock: table(slotOfBlock, [slotOfBlock.length]),
    trust: keep(empty([mine.length], 'float32', arena.device)),
  }
}
