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
}

/** The launches of a program in the making, and the memory that the program holds until it is released. */
export class Recording extends RecordedMemory<GPUMemory> {
  readonly launches: Launch[] = []
  readonly commands: Command[] = []

  add(launch: Launch, commands: readonly Command[]): void {
    this.launches.push(launch)
    this.commands.push(...commands)
    for (const { dispatch } of commands) {
      for (const { buffer } of dispatch.bindings) this.hold((buffer as WebGPUBuffer).memory)
    }
  }
}
