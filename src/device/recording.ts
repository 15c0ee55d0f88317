import type { Memory, MemoryPool, PooledBuffer } from './memory.js'

/** The memory that a program holds, from its recording until its release. */
export class RecordedMemory<Piece extends Memory> {
  /** Memory that was allocated while recording and freed again: later allocations may use it. */
  readonly free = new Map<number, Piece[]>()
  /** Whatever the launches touch. */
  private readonly held = new Set<Piece>()
  /** The part of it that was allocated while recording. */
  private readonly own = new Set<Piece>()
  /** Memory that was on the free list: earlier launches write to it in every replay. */
  private readonly lent = new Set<Piece>()
  /** Memory that the host wrote while recording: its contents must survive every replay, so it is not lent again. */
  private readonly constants = new Set<Piece>()

  constructor(private readonly pool: MemoryPool<Piece>) {}

  /** A launch touches it. */
  hold(memory: Piece): void {
    if (this.held.has(memory)) return
    this.held.add(memory)
    this.pool.hold(memory)
  }

  allocated({ memory }: PooledBuffer<Piece>): void {
    this.own.add(memory)
    this.hold(memory)
  }

  freed({ memory }: PooledBuffer<Piece>): void {
    if (!this.own.has(memory) || this.constants.has(memory)) return
    this.lent.add(memory)
    this.pool.lend(memory, this.free)
  }

  /** The host writes once, replays run often: memory that an earlier launch also writes to will not do. */
  written(buffer: PooledBuffer<Piece>): void {
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
}
