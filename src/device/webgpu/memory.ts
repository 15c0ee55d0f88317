import type { Buffer, MemoryUse } from '../device.js'
import { DeviceError } from '../errors.js'

/** A GPU buffer with a number that bind groups are cached by. */
export interface Memory {
  readonly id: number
  readonly size: number
  readonly gpu: GPUBuffer
}

export class WebGPUBuffer implements Buffer {
  /** Set while a recording made this buffer: its memory belongs to that program until it is released. */
  program: number | undefined
  freed = false
  /** Written by the host while recording: its contents must survive every replay, so it is not lent again. */
  written = false

  constructor(
    readonly id: number,
    readonly bytes: number,
    readonly memory: Memory,
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
    let memory = own?.get(size)?.pop()
    if (!memory) {
      memory = this.free.get(size)?.pop()
      if (memory) this.pooled -= size
      else memory = { id: this.nextMemory++, size, gpu: this.create(size) }
      this.live += size
    }
    this.peak = Math.max(this.peak, this.live)
    this.buffers++
    return new WebGPUBuffer(this.nextBuffer++, bytes, memory)
  }

  give(buffer: WebGPUBuffer): void {
    this.forget(buffer)
    this.keep(buffer.memory)
  }

  /** The buffer is no longer anybody's, but its memory stays lent (to a recorded program). */
  forget(buffer: WebGPUBuffer): void {
    buffer.freed = true
    this.buffers--
  }

  /** Memory that nobody uses any more. */
  keep(memory: Memory): void {
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
