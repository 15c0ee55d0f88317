import assert from 'node:assert/strict'
import type { Limits } from '../../../src/device/device.js'
import { sizeClass } from '../../../src/device/memory.js'
import { fold, implement, plannerOf, tiles } from '../../../src/device/webgpu/plan.js'
import '../../../src/tensor/create.js'

const limits = { maxWorkgroupsPerDimension: 65_535 } as Limits

describe('plan', () => {
  it('folds a grid over x and y so that every workgroup is there and few are idle', () => {
    assert.deepEqual(fold(1, limits), [1, 1, 1])
    assert.deepEqual(fold(0, limits), [1, 1, 1])
    assert.deepEqual(fold(65_535, limits), [65_535, 1, 1])
    assert.deepEqual(fold(65_536, limits), [32_768, 2, 1])
    for (const workgroups of [65_537, 1_000_003, 65_535 ** 2]) {
      const [x, y, z] = fold(workgroups, limits)
      assert.ok(x <= 65_535 && y <= 65_535 && z === 1)
      assert.ok(x * y >= workgroups && x * y - workgroups < y, `${workgroups}: ${x} x ${y}`)
    }
  })

  it('divides upwards', () => {
    assert.deepEqual([tiles(1, 256), tiles(256, 256), tiles(257, 256)], [1, 1, 2])
  })

  it('refuses a second implementation of an op', () => {
    assert.equal(plannerOf('nothing'), undefined)
    assert.ok(plannerOf('fill'))
    assert.throws(() => implement('fill', () => []), /the op fill is implemented twice/)
  })

  it('sets memory aside in classes that waste at most an eighth', () => {
    assert.equal(sizeClass(1), 256)
    assert.equal(sizeClass(256), 256)
    assert.equal(sizeClass(257), 512)
    for (let bytes = 1; bytes < 2 ** 31; bytes = Math.ceil(bytes * 1.37)) {
      const size = sizeClass(bytes)
      assert.ok(size >= bytes && size % 256 === 0, `${bytes}: ${size}`)
      assert.ok(size - bytes < Math.max(256, bytes / 8), `${bytes}: ${size}`)
      assert.equal(sizeClass(size), size, `${bytes}: a class is its own class`)
    }
  })
})
