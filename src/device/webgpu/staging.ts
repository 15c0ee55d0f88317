// Buffers that wait for the next read; more would only hold memory.
const MOST_WAITING = 8

/** Buffers that results are read through. */
export class Staging {
  private waiting: GPUBuffer[] = []

  constructor(private readonly gpu: GPUDevice) {}

  /** One of at least `bytes`, and not of far more. */
  take(bytes: number): GPUBuffer {
    const at = this.waiting.findIndex(({ size }) => size >= bytes && size <= 4 * bytes + 4096)
    if (at >= 0) return this.waiting.splice(at, 1)[0]!
    if (this.waiting.length > MOST_WAITING) this.waiting.shift()!.destroy()
    return this.gpu.createBuffer({ size: Math.ceil(bytes / 256) * 256, usage: 0x08 | 0x01 })
  }

  give(buffer: GPUBuffer): void {
    this.waiting.push(buffer)
  }

  destroy(): void {
    for (const buffer of this.waiting) buffer.destroy()
  }
}
