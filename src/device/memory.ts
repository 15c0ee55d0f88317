import type { Buffer, MemoryUse } from './device.js'
import { DeviceError } from './errors.js'

/** A piece of a device's memory, of a size class. */
export interface Memory {
  readonly id: number
  readonly size: number
  /** Who needs it: buffers not yet freed, and recorded programs not yet released. Without any it lies in the pool. */
  holders: number
}

/** Where a device has its memory from. */
export interface MemorySource<Piece extends Memory> {
  readonly maxBytes: number
  /** @throws DeviceError when there is no room */
  create(size: number): Piece
  destroy(memory: Piece): void
}

export class PooledBuffer<Piece extends Memory> implements Buffer {
  freed = false

  constructor(
    readonly id: number,
    readonly bytes: number,
    /** Another memory takes its place when a recording needs it to itself. */
    public memory: Piece,
    /** Whose it is: a device takes only buffers of its own. */
    readonly pool: MemoryPool<Piece>,
  ) {}
}

/**
 * A device's memory by size class. Classes are an eighth of a power of two apart, so at most an eighth is wasted, and
 * a step that frees and allocates the same shapes finds the same memory again.
 */
export class MemoryPool<Piece extends Memory> {
  private readonly free = new Map<number, Piece[]>()
  private nextBuffer = 1
  private live = 0
  private pooled = 0
  private peak = 0
  private buffers = 0

  constructor(private readonly source: MemorySource<Piece>) {}

  /** `own`: a recording's free memory, tried first. @throws DeviceError when there is no room */
  take(bytes: number, own?: Map<number, Piece[]>): PooledBuffer<Piece> {
    const size = sizeClass(bytes)
    const { maxBytes } = this.source
    if (!(bytes > 0) || size > maxBytes) {
      throw new DeviceError(`alloc: wants 1 to ${maxBytes} bytes in one buffer, got ${bytes}; ${this.holders()}`)
    }
    const memory = own?.get(size)?.pop() ?? this.obtain(size)
    this.hold(memory)
    this.buffers++
    return new PooledBuffer(this.nextBuffer++, bytes, memory, this)
  }

  /** The buffer is no longer anybody's; its memory may still be a program's. */
  give(buffer: PooledBuffer<Piece>): void {
    buffer.freed = true
    this.buffers--
    this.drop(buffer.memory)
  }

  /** Memory that nobody holds yet. */
  obtain(size: number): Piece {
    const memory = this.free.get(size)?.pop()
    if (!memory) return this.create(size)
    this.pooled -= size
    return memory
  }

  hold(memory: Piece): void {
    if (memory.holders++ > 0) return
    this.live += memory.size
    this.peak = Math.max(this.peak, this.live)
  }

  /** One holder less; the last one leaves the memory to the pool. */
  drop(memory: Piece): void {
    if (--memory.holders > 0) return
    this.live -= memory.size
    this.pooled += memory.size
    this.lend(memory, this.free)
  }

  /** Puts memory on a list of free memory, this pool's or a recording's. */
  lend(memory: Piece, list: Map<number, Piece[]>): void {
    const same = list.get(memory.size)
    if (same) same.push(memory)
    else list.set(memory.size, [memory])
  }

  /** @throws DeviceError unless the host may read or write these bytes of a buffer */
  check(call: 'read' | 'write', buffer: PooledBuffer<Piece>, offset: number, bytes: number): void {
    if (buffer.pool !== this) throw new DeviceError(`${call}: the buffer lies on another device`)
    if (buffer.freed) throw new DeviceError(`${call}: the buffer was freed`)
    const least = call === 'read' ? 1 : 0
    if (offset % 4 !== 0 || offset < 0 || !(bytes >= least) || offset + bytes > buffer.bytes) {
      throw new DeviceError(`${call}: bytes ${offset} to ${offset + bytes} of a buffer of ${buffer.bytes}`)
    }
  }

  use(): MemoryUse {
    return { live: this.live, pooled: this.pooled, peak: this.peak, buffers: this.buffers }
  }

  resetPeak(): void {
    this.peak = this.live
  }

  /** Destroys what lies idle in the pool. */
  trim(): void {
    for (const list of this.free.values()) for (const memory of list) this.source.destroy(memory)
    this.free.clear()
    this.pooled = 0
  }

  holders(): string {
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
    return `${mib(this.live)} are held by ${this.buffers} buffers and ${mib(this.pooled)} lie in the pool`
  }

  /** Idle memory of other sizes makes room before anyone is told that there is none. */
  private create(size: number): Piece {
    try {
      return this.source.create(size)
    } catch (error) {
      if (!(error instanceof DeviceError) || this.pooled === 0) throw error
      this.trim()
      return this.source.create(size)
    }
  }
}

/** The bytes that are set aside for a request: multiples of 256, then steps of an eighth of a power of two. */
export function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** Math.floor(Math.log2(bytes)) / 8)
  return Math.ceil(bytes / step) * step
}
