import type { Buffer } from '../device.js'
import type { Launch } from '../launch.js'
import { RecordedMemory } from '../recording.js'
import type { Resolved } from './check.js'
import type { Kernel } from './kernel.js'
import type { GPUMemory, WebGPUBuffer } from './memory.js'

/** One planned, checked dispatch. */
export interface Command {
  readonly launch: Launch
  /** Its number among the dispatches of the launch. */
  readonly part: number
  readonly dispatch: Resolved
  readonly kernel: Kernel
  /** The scratch that the launch's plan was lent, by its number in the plan. */
  readonly lent: ReadonlyMap<number, Buffer>
}

/** The launches of a program in the making, and the memory that the program holds until it is released. */
export class Recording extends RecordedMemory<GPUMemory> {
  readonly launches: Launch[] = []
  readonly commands: Command[] = []
  /** How many commands each launch has. */
  private readonly dispatches: number[] = []

  add(launch: Launch, commands: readonly Command[]): void {
    this.launches.push(launch)
    this.commands.push(...commands)
    this.dispatches.push(commands.length)
    for (const { dispatch } of commands) {
      for (const { buffer } of dispatch.bindings) this.hold((buffer as WebGPUBuffer).memory)
    }
  }

  /** Other commands for its launches, on the same memory. */
  replan(again: (launch: Launch, before: readonly Command[]) => readonly Command[]): void {
    const before = this.commands.splice(0)
    for (const [i, launch] of this.launches.entries()) {
      const commands = again(launch, before.splice(0, this.dispatches[i]))
      this.commands.push(...commands)
      this.dispatches[i] = commands.length
    }
  }
}
