import type { Buffer, Device, DeviceInfo, Slice } from '../device.js'
import { DeviceError } from '../errors.js'
import type { Launch } from '../launch.js'
import type { MemoryPool } from '../memory.js'
import { precisionFault } from '../precision.js'
import { faultOf, type Resolved } from './check.js'
import { kernelOf } from './kernel.js'
import type { GPUMemory, WebGPUBuffer } from './memory.js'
import { type Binding, type Dispatch, plannerOf, type Target } from './plan.js'
import type { Command } from './recording.js'
import { chosenPlan } from './tuner.js'

/** The device whose launches are planned. */
type Owner = Pick<Device, 'alloc' | 'free' | 'plans'> & { readonly info: DeviceInfo }

/** From launches to commands: planned, on memory, every dispatch checked. */
export class Commands {
  constructor(
    private readonly owner: Owner,
    private readonly target: Target,
    private readonly pool: MemoryPool<GPUMemory>,
  ) {}

  /**
   * Plans a launch and lends its scratch.
   * @throws DeviceError for an op or a precision that there is not here, and for memory that is not the device's
   */
  of(launch: Launch): Command[] {
    const op = (launch as { op: string }).op
    const planner = plannerOf(op)
    if (!planner) throw new DeviceError(`${op}: not an op of the WebGPU device`)
    const lacking = 'precision' in launch && precisionFault(launch.precision ?? 'float32', this.owner.info)
    if (lacking) throw new DeviceError(`${op}: precision ${lacking}`)
    const dispatches = chosenPlan(launch, this.target, this.owner.plans) ?? planner(launch, this.target)
    const lent = new Map<number, Buffer>()
    try {
      for (const [index, bytes] of scratchOf(dispatches)) lent.set(index, this.owner.alloc(bytes))
      const commands = this.resolve(launch, dispatches, lent)
      for (const { kernel, dispatch } of commands) {
        const fault = this.ownershipFault(dispatch.bindings)
        if (fault) throw new DeviceError(`${op}: kernel ${kernel.key} ${fault}`)
      }
      return commands
    } finally {
      for (const buffer of lent.values()) this.owner.free(buffer)
    }
  }

  /** The commands of the plan that was chosen for a launch since it was planned, on the same memory. */
  again(launch: Launch, before: readonly Command[]): readonly Command[] {
    const plan = chosenPlan(launch, this.target, this.owner.plans)
    return plan ? this.resolve(launch, plan, before[0]!.lent) : before
  }

  private resolve(launch: Launch, dispatches: readonly Dispatch[], lent: ReadonlyMap<number, Buffer>): Command[] {
    return dispatches.map((dispatch, part) => {
      const bindings = dispatch.bindings.map(binding => lend(binding, lent))
      const resolved: Resolved = { ...dispatch, bindings }
      const kernel = kernelOf(dispatch)
      const fault = faultOf(resolved, kernel, this.owner.info.limits)
      if (fault) throw new DeviceError(`${(launch as { op: string }).op}: kernel ${kernel.key} ${fault}`)
      return { launch, part, dispatch: resolved, kernel, lent }
    })
  }

  private ownershipFault(bindings: readonly Slice[]): string | undefined {
    for (const [i, { buffer }] of bindings.entries()) {
      const { pool, freed } = buffer as WebGPUBuffer
      if (pool !== this.pool) return `binding ${i} lies on another device`
      if (freed) return `binding ${i} was freed`
    }
    return undefined
  }
}

/** The scratch buffers of a plan, each as long as its longest use. */
function scratchOf(dispatches: readonly Dispatch[]): Map<number, number> {
  const bytes = new Map<number, number>()
  for (const { bindings } of dispatches) {
    for (const binding of bindings) {
      if ('scratch' in binding) bytes.set(binding.scratch, Math.max(bytes.get(binding.scratch) ?? 0, binding.bytes))
    }
  }
  return bytes
}

function lend(binding: Binding, lent: ReadonlyMap<number, Buffer>): Slice {
  return 'buffer' in binding ? binding : { buffer: lent.get(binding.scratch)!, offset: 0, bytes: binding.bytes }
}
