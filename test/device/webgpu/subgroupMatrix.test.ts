import assert from 'node:assert/strict'
import { subgroupMatrixOf } from '../../../src/device/webgpu/subgroupMatrix.js'

const features = new Set(['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'])
const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({
  componentType,
  resultComponentType,
  M,
  N,
  K,
})
const nvidia = {
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrixConfigs: [
    config('f16', 'f16', 16, 16, 16),
    config('f16', 'f32', 16, 8, 8),
    config('f16', 'f32', 16, 16, 16),
    config('u8', 'u32', 16, 16, 32),
  ],
}

describe('subgroupMatrixOf', () => {
  it('takes the largest float16 matrices with sums in float32', () => {
    assert.deepEqual(subgroupMatrixOf(nvidia, features), { m: 16, n: 16, k: 16, lanes: 32 })
  })

  it('takes none without the features, without such matrices, or where subgroups have several sizes', () => {
    for (const name of features) {
      assert.equal(subgroupMatrixOf(nvidia, new Set([...features].filter(other => other !== name))), undefined)
    }
    const single = { ...nvidia, subgroupMatrixConfigs: [config('f32', 'f32', 8, 8, 8), config('f16', 'f16', 8, 8, 8)] }
    assert.equal(subgroupMatrixOf(single, features), undefined)
    assert.equal(subgroupMatrixOf({ ...nvidia, subgroupMinSize: 8 }, features), undefined)
    assert.equal(subgroupMatrixOf({}, features), undefined)
  })
})
