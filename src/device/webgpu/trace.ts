import type { LaunchTime } from '../device.js'
import type { Command } from './recording.js'

// A query set holds at most 4096 queries, two a dispatch.
const MOST = 2048

interface Part {
  readonly commands: readonly Command[]
  readonly queries: GPUQuerySet
  readonly resolved: GPUBuffer
  readonly staging: GPUBuffer
}

/** Times dispatches by timestamp queries. Every dispatch gets a pass of its own, since only passes have timestamps. */
export class Trace {
  private readonly parts: Part[] = []

  constructor(private readonly gpu: GPUDevice) {}

  /** Encodes `commands`; `dispatch` encodes the i-th into the pass that it is given. */
  encode(
    encoder: GPUCommandEncoder,
    commands: readonly Command[],
    dispatch: (pass: GPUComputePassEncoder, i: number) => void,
  ): void {
    for (let first = 0; first < commands.length; first += MOST) {
      const part = this.partOf(commands.slice(first, first + MOST))
      part.commands.forEach((_, i) => {
        const pass = encoder.beginComputePass({
          timestampWrites: {
            querySet: part.queries,
            beginningOfPassWriteIndex: 2 * i,
            endOfPassWriteIndex: 2 * i + 1,
          },
        })
        dispatch(pass, first + i)
        pass.end()
      })
      encoder.resolveQuerySet(part.queries, 0, part.queries.count, part.resolved, 0)
      encoder.copyBufferToBuffer(part.resolved, 0, part.staging, 0, part.staging.size)
    }
  }

  /** When each launch began and ended; a launch of several dispatches from the first one's begin to the last one's end. */
  async times(): Promise<LaunchTime[]> {
    const times: LaunchTime[] = []
    for (const { commands, queries, resolved, staging } of this.parts) {
      await staging.mapAsync(1)
      const stamps = new BigUint64Array(staging.getMappedRange())
      commands.forEach(({ launch, part }, i) => {
        const [begin, end] = [Number(stamps[2 * i]!), Number(stamps[2 * i + 1]!)]
        const before = part === 0 ? { launch, begin, longestDispatch: 0 } : times.pop()!
        times.push({ ...before, end, longestDispatch: Math.max(before.longestDispatch, end - begin) })
      })
      for (const each of [queries, resolved, staging]) each.destroy()
    }
    return times
  }

  private partOf(commands: readonly Command[]): Part {
    const count = 2 * commands.length
    const part = {
      commands,
      queries: this.gpu.createQuerySet({ type: 'timestamp', count }),
      // QUERY_RESOLVE and COPY_SRC; MAP_READ and COPY_DST
      resolved: this.gpu.createBuffer({ size: 8 * count, usage: 0x200 | 0x04 }),
      staging: this.gpu.createBuffer({ size: 8 * count, usage: 0x01 | 0x08 }),
    }
    this.parts.push(part)
    return part
  }
}
