import type { Launch } from '../launch.js'
import type { Resolved } from './check.js'
import type { Kernel } from './kernel.js'
import type { Memory, MemoryPool, WebGPUBuffer } from './memory.js'

/** One planned, checked dispatch. */
export interface Command {
  readonly op: string
  readonly dispatch: Resolved
  readonly kernel: Kernel
}

/** The launches of a program in the making, and the memory that the program holds until it is released. */
export class Recording {
  readonly launches: Launch[] = []
  readonly commands: Command[] = []
  /** Memory that was allocated while recording and freed again: later allocations may use it. */
  readonly free = new Map<number, Memory[]>()
  /** Whatever the launches touch. */
  private readonly held = new Set<Memory>()
  /** The part of it that was allocated while recording. */
  private readonly own = new Set<Memory>()
  /** Memory that was on the free list: earlier launches write to it in every replay. */
  private readonly lent = new Set<Memory>()
  /** Memory that the host wrote while recording: its contents must survive every replay, so it is not lent again. */
  private readonly constants = new Set<Memory>()

  constructor(private readonly pool: MemoryPool) {}

  add(launch: Launch, commands: readonly Command[]): void {
    this.launches.push(launch)
    this.commands.push(...commands)
    for (const { dispatch } of commands) {
      for (const { buffer } of dispatch.bindings) this.hold((buffer as WebGPUBuffer).memory)
    }
  }

  allocated({ memory }: WebGPUBuffer): void {
    this.own.add(memory)
    this.hold(memory)
  }

  freed({ memory }: WebGPUBuffer): void {
    if (!this.own.has(memory) || this.constants.has(memory)) return
    this.lent.add(memory)
    this.pool.lend(memory, this.free)
  }

  /** The host writes once, replays run often: memory that an earlier launch also writes to will not do. */
  written(buffer: WebGPUBuffer): void {
    const before = buffer.memory
    if (!this.own.has(before)) return
    if (this.lent.has(before) && !this.constants.has(before)) {
      buffer.memory = this.pool.obtain(before.size)
      this.pool.hold(buffer.memory)
      this.allocated(buffer)
      this.pool.drop(before)
      this.pool.lend(before, this.free)
    }
    this.constants.add(buffer.memory)
  }

  /** The program is no more. */
  release(): void {
    for (const memory of this.held) this.pool.drop(memory)
  }

  private hold(memory: Memory): void {
    if (this.held.has(memory)) return
    this.held.add(memory)
    this.pool.hold(memory)
  }
}
