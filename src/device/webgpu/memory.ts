import { type Memory, MemoryPool, type PooledBuffer } from '../memory.js'

/** A GPU buffer with a number that bind groups are cached by. */
export interface GPUMemory extends Memory {
  readonly gpu: GPUBuffer
}

export type WebGPUBuffer = PooledBuffer<GPUMemory>

// Storage and copies in both directions: every buffer can be an operand, be written and be read.
const USAGE = 0x80 | 0x04 | 0x08

/** The memory of a GPU; `onDestroy` is told of each piece that is no more. */
export function gpuPool(gpu: GPUDevice, maxBytes: number, onDestroy: (memory: GPUMemory) => void) {
  let next = 1
  return new MemoryPool<GPUMemory>({
    maxBytes,
    create: size => ({ id: next++, size, gpu: gpu.createBuffer({ size, usage: USAGE }), holders: 0 }),
    destroy(memory) {
      memory.gpu.destroy()
      onDestroy(memory)
    },
  })
}
