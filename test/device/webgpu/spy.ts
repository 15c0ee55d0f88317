import type { Device } from '../../../src/device/device.js'
import type { GPUMemory, WebGPUBuffer } from '../../../src/device/webgpu/memory.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

/** Dawn's device behind a WebGPU device of ours: for tests that count what it makes or pull it away. */
export function gpuOf(device: Device): GPUDevice {
  return (device as unknown as { gpu: GPUDevice }).gpu
}

/** The GPU memory under a tensor. */
export function memoryOf(tensor: Tensor): GPUMemory {
  return (tensor.slice.buffer as WebGPUBuffer).memory
}

type Methods = Record<string, (...args: unknown[]) => unknown>

/**
 * Counts the calls of every method of a GPU device, its queue and its encoders while `body` runs, by
 * `Type.method`.
 */
export async function countCalls(device: Device, body: () => void | Promise<void>): Promise<Record<string, number>> {
  const gpu = gpuOf(device)
  const encoder = gpu.createCommandEncoder()
  const pass = encoder.beginComputePass()
  const types = { device: gpu, queue: gpu.queue, encoder, pass }
  const counts: Record<string, number> = {}
  const restore: (() => void)[] = []
  for (const [type, instance] of Object.entries(types)) {
    const prototype = Object.getPrototypeOf(instance) as Methods
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = Object.getOwnPropertyDescriptor(prototype, name)?.value as Methods[string] | undefined
      if (typeof method !== 'function' || name === 'constructor') continue
      prototype[name] = function (this: unknown, ...args: unknown[]) {
        counts[`${type}.${name}`] = (counts[`${type}.${name}`] ?? 0) + 1
        return method.apply(this, args)
      }
      restore.push(() => {
        prototype[name] = method
      })
    }
  }
  try {
    await body()
  } finally {
    for (const undo of restore) undo()
    pass.end()
    encoder.finish()
  }
  return counts
}
