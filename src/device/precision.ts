import type { DeviceInfo } from './device.js'
import type { Precision } from './launch.js'

/**
 * Why products of this precision cannot be had from a device, and what to do instead; nothing where they can. What a
 * precision needs of a device is one of its `features`.
 */
export function precisionFault(precision: Precision, device: Omit<DeviceInfo, 'limits'>): string | undefined {
  const { kind, name, features } = device
  switch (precision) {
    case 'float32':
      return undefined
    case 'bfloat16':
      if (kind === 'webgpu') return 'bfloat16 is not there on WebGPU, only on the device cpu; use float16 or float32'
      if (features.has('bfloat16')) return undefined
      return `bfloat16 would be three times slower than float32 on ${name}, which lacks avx512_core_bf16; use float32`
    case 'float16':
      if (kind === 'cpu') return 'float16 is not there on the device cpu, only on WebGPU; use bfloat16 or float32'
      if (features.has('shader-f16')) return undefined
      return `float16 needs the feature shader-f16, which ${name} does not offer; use float32, or open another adapter`
  }
}
