import type { Buffer, MemoryUse } from '../device.js'
import { DeviceError } from '../errors.js'

/** A GPU buffer with a number that bind groups are cached by. */
export interface Memory {
  readonly id: number
  readonly size: number
  readonly gpu: GPUBuffer
  /** Who needs it: buffers not yet freed, and recorded programs not yet released. Without any it lies in the pool. */
  holders: number
}

export class WebGPUBuffer implements Buffer {
  freed = false

  constructor(
    readonly id: number,
    readonly bytes: number,
    /** Another memory takes its place when a recording needs it to itself. */
    public memory: Memory,
    /** Whose it is: a device takes only buffers of its own. */
    readonly pool: MemoryPool,
  ) {}
}

// Storage and copies in both directions: every buffer can be an operand, be written and be read.
const USAGE = 0x80 | 0x04 | 0x08

/**
 * GPU buffers by size class. Classes are an eighth of a power of two apart, so at most an eighth is wasted, and a
 * step that frees and allocates the same shapes finds the same memory again.
 */
export class MemoryPool {
  private readonly free = new Map<number, Memory[]>()
  private nextMemory = 1
  private nextBuffer = 1
  private live = 0
  private pooled = 0
  private peak = 0
  private buffers = 0

  constructor(
    private readonly gpu: GPUDevice,
    private readonly maxBytes: number,
    private readonly onDestroy: (memory: Memory) => void,
  ) {}

  /** `own`: a recording's free memory, tried first. */
  take(bytes: number, own?: Map<number, Memory[]>): WebGPUBuffer {
    const size = sizeClass(bytes)
    if (!(bytes > 0) || size > this.maxBytes) {
      throw new DeviceError(`alloc: wants 1 to ${this.maxBytes} bytes in one buffer, got ${bytes}; ${this.holders()}`)
    }
    const memory = own?.get(size)?.pop() ?? this.obtain(size)
    this.hold(memory)
    this.buffers++
    return new WebGPUBuffer(this.nextBuffer++, bytes, memory, this)
  }

  /** The buffer is no longer anybody's; its memory may still be a program's. */
  give(buffer: WebGPUBuffer): void {
    buffer.freed = true
    this.buffers--
    this.drop(buffer.memory)
  }

  /** Memory that nobody holds yet. */
  obtain(size: number): Memory {
    const memory = this.free.get(size)?.pop()
    if (!memory) return { id: this.nextMemory++, size, gpu: this.create(size), holders: 0 }
    this.pooled -= size
    return memory
  }

  hold(memory: Memory): void {
    if (memory.holders++ > 0) return
    this.live += memory.size
    this.peak = Math.max(this.peak, this.live)
  }

  /** One holder less; the last one leaves the memory to the pool. */
  drop(memory: Memory): void {
    if (--memory.holders > 0) return
    this.live -= memory.size
    this.pooled += memory.size
    this.lend(memory, this.free)
  }

  /** Puts memory on a list of free memory, this pool's or a recording's. */
  lend(memory: Memory, list: Map<number, Memory[]>): void {
    const same = list.get(memory.size)
    if (same) same.push(memory)
    else list.set(memory.size, [memory])
  }

  use(): MemoryUse {
    return { live: this.live, pooled: this.pooled, peak: this.peak, buffers: this.buffers }
  }

  resetPeak(): void {
    this.peak = this.live
  }

  /** Destroys what lies idle in the pool. */
  trim(): void {
    for (const list of this.free.values()) {
      for (const memory of list) {
        memory.gpu.destroy()
        this.onDestroy(memory)
      }
    }
    this.free.clear()
    this.pooled = 0
  }

  holders(): string {
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
    return `${mib(this.live)} are held by ${this.buffers} buffers and ${mib(this.pooled)} lie in the pool`
  }

  private create(size: number): GPUBuffer {
    return this.gpu.createBuffer({ size, usage: USAGE })
  }
}

/** The bytes that are set aside for a request: multiples of 256, then steps of an eighth of a power of two. */
export function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** Math.floor(Math.log2(bytes)) / 8)
  return Math.ceil(bytes / step) * step
}
