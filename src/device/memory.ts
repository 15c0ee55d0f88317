import type { Buffer, MemoryUse } from './device.js'
import { DeviceError } from './errors.js'

/** A piece of the device's memory, of a size class. */
export interface Memory {
  readonly id: number
  readonly size: number
}

/** What a device does to have memory at all. */
export interface MemorySource<Piece extends Memory> {
  /** The largest piece there can be. */
  readonly maxBytes: number
  /** @throws DeviceError when there is no room */
  create(size: number): Piece
  destroy(piece: Piece): void
}

/** A buffer and the piece of memory behind it. */
export class PooledBuffer<Piece extends Memory> implements Buffer {
  /** Set while a recording made this buffer: its memory belongs to that program until it is released. */
  recording: RecordedMemory<Piece> | undefined
  freed = false
  /** Written by the host while recording: its contents must survive every replay, so it is not lent again. */
  written = false

  constructor(
    readonly id: number,
    readonly bytes: number,
    readonly memory: Piece,
  ) {}
}

/** The memory of a recorded program, from its recording until its release. */
export interface RecordedMemory<Piece extends Memory> {
  /** Memory the program took, and which of it its own later allocations may use again. */
  readonly memories: Set<Piece>
  readonly free: Map<number, Piece[]>
  /** Memory from outside that was freed while recording: replays still use it. */
  readonly pinned: Piece[]
  /** Buffers that it made and that are not freed. */
  readonly buffers: Set<PooledBuffer<Piece>>
}

/**
 * A device's memory: a pool by size class, what is held and was held at most, and who owns what of a recorded program.
 * Classes are an eighth of a power of two apart, so at most an eighth is wasted, and a step that frees and allocates
 * the same shapes finds the same memory again. Launches run in order, so memory can be lent again at once.
 */
export class DeviceMemory<Piece extends Memory> {
  private readonly idle = new Map<number, Piece[]>()
  private recording: RecordedMemory<Piece> | undefined
  private nextBuffer = 1
  private live = 0
  private pooled = 0
  private peak = 0
  private buffers = 0

  constructor(private readonly source: MemorySource<Piece>) {}

  /** @throws DeviceError when there is no room; it says how much was asked for and what holds the rest. */
  alloc(bytes: number): PooledBuffer<Piece> {
    const size = sizeClass(bytes)
    const { maxBytes } = this.source
    if (!(bytes > 0) || size > maxBytes) {
      throw new DeviceError(`alloc: wants 1 to ${maxBytes} bytes in one buffer, got ${bytes}; ${this.holders()}`)
    }
    const memory = this.recording?.free.get(size)?.pop() ?? this.take(size)
    this.peak = Math.max(this.peak, this.live)
    this.buffers++
    const buffer = new PooledBuffer(this.nextBuffer++, bytes, memory)
    if (this.recording) {
      this.recording.memories.add(memory)
      this.recording.buffers.add(buffer)
      buffer.recording = this.recording
    }
    return buffer
  }

  /** Twice is once. */
  free(buffer: PooledBuffer<Piece>): void {
    if (buffer.freed) return
    buffer.freed = true
    this.buffers--
    const { memory } = buffer
    const owner = buffer.recording
    owner?.buffers.delete(buffer)
    if (!this.recording) {
      if (!owner) this.keep(memory)
    } else if (owner !== this.recording) {
      if (!owner) this.recording.pinned.push(memory)
    } else if (!buffer.written) lend(memory, this.recording.free)
  }

  /** @throws DeviceError unless the host may write `bytes` at `offset`. */
  checkWrite(buffer: PooledBuffer<Piece>, offset: number, bytes: number): void {
    if (buffer.freed) throw new DeviceError('write: the buffer was freed')
    if (offset % 4 !== 0 || offset < 0 || offset + bytes > buffer.bytes) {
      throw new DeviceError(`write: bytes ${offset} to ${offset + bytes} of a buffer of ${buffer.bytes}`)
    }
    if (this.recording) buffer.written = true
  }

  /** @throws DeviceError unless the host may read `bytes` at `offset`. */
  checkRead(buffer: PooledBuffer<Piece>, offset: number, bytes: number): void {
    if (this.recording) throw new DeviceError('read: not while recording; read after the program has run')
    if (buffer.freed) throw new DeviceError('read: the buffer was freed')
    if (offset % 4 !== 0 || offset < 0 || !(bytes >= 1) || offset + bytes > buffer.bytes) {
      throw new DeviceError(`read: bytes ${offset} to ${offset + bytes} of a buffer of ${buffer.bytes}`)
    }
  }

  /** What is allocated from now on belongs to a program. @throws DeviceError while another is recorded */
  begin(): RecordedMemory<Piece> {
    if (this.recording) throw new DeviceError('record: a recording is under way already')
    this.recording = { memories: new Set(), free: new Map(), pinned: [], buffers: new Set() }
    return this.recording
  }

  end(): void {
    this.recording = undefined
  }

  /** Gives a program's memory back; buffers of it that are not yet freed become ordinary ones. */
  release(recorded: RecordedMemory<Piece>): void {
    const held = new Set<Piece>()
    for (const buffer of recorded.buffers) {
      buffer.recording = undefined
      held.add(buffer.memory)
    }
    for (const memory of recorded.memories) if (!held.has(memory)) this.keep(memory)
    for (const memory of recorded.pinned) this.keep(memory)
  }

  use(): MemoryUse {
    return { live: this.live, pooled: this.pooled, peak: this.peak, buffers: this.buffers }
  }

  resetPeak(): void {
    this.peak = this.live
  }

  /** Destroys what lies idle in the pool. */
  trim(): void {
    for (const list of this.idle.values()) for (const memory of list) this.source.destroy(memory)
    this.idle.clear()
    this.pooled = 0
  }

  private take(size: number): Piece {
    let memory = this.idle.get(size)?.pop()
    if (memory) this.pooled -= size
    else memory = this.create(size)
    this.live += size
    return memory
  }

  /** Idle memory of other sizes makes room before anyone is told that there is none. */
  private create(size: number): Piece {
    try {
      return this.source.create(size)
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      this.trim()
    }
    try {
      return this.source.create(size)
    } catch (cause) {
      throw new DeviceError(`alloc: no room for ${size} bytes; ${this.holders()}`, { cause })
    }
  }

  /** Memory that nobody uses any more. */
  private keep(memory: Piece): void {
    this.live -= memory.size
    this.pooled += memory.size
    lend(memory, this.idle)
  }

  private holders(): string {
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
    return `${mib(this.live)} are held by ${this.buffers} buffers and ${mib(this.pooled)} lie in the pool`
  }
}

function lend<Piece extends Memory>(memory: Piece, list: Map<number, Piece[]>): void {
  const same = list.get(memory.size)
  if (same) same.push(memory)
  else list.set(memory.size, [memory])
}

/** The bytes that are set aside for a request: multiples of 256, then steps of an eighth of a power of two. */
export function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** Math.floor(Math.log2(bytes)) / 8)
  return Math.ceil(bytes / step) * step
}
