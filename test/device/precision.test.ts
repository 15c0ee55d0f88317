import assert from 'node:assert/strict'
import type { Precision } from '../../src/device/launch.js'
import { precisionFault } from '../../src/device/precision.js'

const device = (kind: 'cpu' | 'webgpu', ...features: string[]) => ({
  kind,
  name: 'Some Device',
  vendor: '',
  driver: '',
  software: false,
  features: new Set(features),
})

describe('precisionFault', () => {
  it('is silent where the device has the precision', () => {
    for (const kind of ['cpu', 'webgpu'] as const) assert.equal(precisionFault('float32', device(kind)), undefined)
    assert.equal(precisionFault('bfloat16', device('cpu', 'avx512', 'bfloat16')), undefined)
    assert.equal(precisionFault('float16', device('webgpu', 'shader-f16')), undefined)
  })

  it('says what is lacking, and what to do', () => {
    const faults: [Precision, ReturnType<typeof device>, RegExp][] = [
      ['bfloat16', device('cpu', 'avx512'), /three times slower .* on Some Device, .*avx512_core_bf16; use float32/],
      ['bfloat16', device('webgpu', 'shader-f16'), /not there on WebGPU.*; use float16 or float32/],
      ['float16', device('cpu', 'bfloat16'), /not there on the device cpu.*; use bfloat16 or float32/],
      ['float16', device('webgpu', 'subgroups'), /shader-f16, which Some Device does not offer; use float32/],
    ]
    for (const [precision, on, message] of faults) assert.match(precisionFault(precision, on) ?? '', message)
  })
})
