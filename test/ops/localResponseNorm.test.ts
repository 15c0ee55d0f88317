import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { mul } from '../../src/ops/elementwise.js'
import { localResponseNorm } from '../../src/ops/localResponseNorm.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { gradients } from '../../src/tensor/tape.js'

describe('localResponseNorm', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  it('looks at neighbouring channels of one pixel alone', async () => {
    const x = tensor([0, 0, 3, 0, 0, 7], { shape: [2, 3], device })
    const y = await localResponseNorm(x, { size: 3, alpha: 3, beta: 1, offset: 1 }).data()
    const expected = [0, 0, 3 / 10, 0, 0, 7 / 50]
    expected.forEach((value, i) => {
      assert.ok(Math.abs(y[i]! - value) < 1e-6)
    })
  })

  it('refuses what it cannot do', () => {
    const x = zeros([2, 3], { device, requiresGradient: true })
    assert.throws(() => localResponseNorm(zeros([], { device }), { size: 5 }), ShapeError)
    assert.throws(() => localResponseNorm(zeros([3], { device, dtype: 'int32' }), { size: 5 }), DtypeError)
    assert.throws(() => localResponseNorm(x, { size: 0 }), ConfigError)
    assert.throws(() => localResponseNorm(x, { size: 5, offset: 0 }), ConfigError)
    const y = localResponseNorm(x, { size: 5 })
    const [dx] = gradients(sum(mul(y, y)), [x], { createGraph: true })
    assert.throws(() => gradients(sum(mul(dx!, dx!)), [x]), GradientError)
  })
})
