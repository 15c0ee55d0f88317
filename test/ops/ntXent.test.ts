import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { mul } from '../../src/ops/elementwise.js'
import { l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { planNtXent } from '../../src/ops/ntXent.plan.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { ntXent as reference } from '../reference/ntXent.js'
import { generator, normal } from '../reference/random.js'

describe('ntXent', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  function unitRows(rows: number, columns: number): Tensor {
    const x = tensor(normal()(generator(rows), rows * columns), { shape: [rows, columns] })
    const z = scope(() => l2normalize(x))
    x.dispose()
    z.requiresGradient = true
    return z
  }

  it('is finite at temperature 0.01, and right', async () => {
    const z = unitRows(66, 30)
    const loss = ntXent(z, 0.01)
    const [dz] = gradients(loss, [z])
    const z64 = { shape: [66, 30], data: Float64Array.from(await z.data()) }
    const expected = reference.forward([z64], { temperature: 0.01 }).data[0]!
    assert.ok(Math.abs((await loss.item()) / expected - 1) < 1e-4)
    const exact = reference.gradient([z64], { temperature: 0.01 }, { shape: [], data: Float64Array.of(1) })[0]!.data
    const found = await dz!.data()
    const error = Math.hypot(...exact.map((value, i) => value - found[i]!))
    assert.ok(error < 1e-3 * Math.hypot(...exact), `gradient off by ${error}`)
  })

  it('is nothing for a single image', async () => {
    const z = unitRows(2, 5)
    const loss = ntXent(z, 0.1)
    const [dz] = gradients(loss, [z])
    assert.ok(Math.abs(await loss.item()) < 1e-5)
    for (const value of await dz!.data()) assert.ok(Math.abs(value) < 1e-4)
  })

  it('is log(2B - 1) where all rows are the same', async () => {
    const z = tensor(new Float32Array(300 * 4).fill(0.5), { shape: [300, 4] })
    assert.ok(Math.abs((await ntXent(z, 0.5).item()) - Math.log(299)) < 1e-4)
  })

  it('multiplies by the gradient from above on the device', async () => {
    const z = unitRows(12, 8)
    const [once] = gradients(ntXent(z, 0.5), [z])
    const [thrice] = gradients(mul(ntXent(z, 0.5), 3), [z])
    const single = await once!.data()
    for (const [i, value] of (await thrice!.data()).entries()) assert.ok(Math.abs(value - 3 * single[i]!) < 1e-6)
  })

  it('never holds the matrix of similarities', async () => {
    const rows = 4096
    const z = unitRows(rows, 4)
    device.resetPeak()
    const { live } = device.memory()
    scope(() => {
      gradients(ntXent(z, 0.5), [z])
    })
    const { peak } = device.memory()
    assert.ok(peak - live < (4 * rows * rows) / 8, `${peak - live} bytes`)
    assert.equal(device.memory().live, live)
    z.dispose()
  })

  it('is cut into blocks of bounded work and memory, whatever the number of rows', () => {
    const slice = { buffer: { id: 1, bytes: 2 ** 40 }, offset: 0, bytes: 4 }
    for (const software of [true, false]) {
      const target = { limits: device.info.limits, features: new Set<string>(), software }
      for (const rows of [2, 66, 512, 4098, 32_768]) {
        const sizes = { rows, columns: 128, scale: 2 }
        const launch = { op: 'ntXent', z: slice, logSum: slice, loss: slice, ...sizes } as const
        const forward = planNtXent({ ...launch, dz: null }, target)
        const both = planNtXent({ ...launch, dz: slice }, target)
        const products = (plan: typeof both) => plan.filter(({ kernel }) => kernel.startsWith('matmul')).length
        // Similarities, and the product of their gradient with the rows; a single block is multiplied once.
        const blocks = products(forward)
        assert.equal(products(both), blocks === 1 ? 2 : 3 * blocks, `${rows} rows`)
        for (const [plan, kernel] of [
          [forward, 'key_sweep_weights'],
          [both, 'key_sweep_weights'],
          [both, 'nt_xent_weights'],
        ] as const) {
          const blocks = plan.filter(each => each.kernel === kernel).map(({ params }) => params!)
          assert.equal(
            blocks.reduce((total, { rows, keys }) => total + rows! * keys!, 0),
            rows * rows,
          )
          for (const { work, bindings } of plan) {
            assert.ok(work <= 2 ** 30)
            for (const each of bindings)
              assert.ok(each.bytes <= 2 ** 26 && ('scratch' in each || each.offset % 256 === 0))
          }
        }
      }
    }
  })

  it('refuses what is not two views, and a second order', () => {
    assert.throws(() => ntXent(zeros([3, 4]), 0.5), ShapeError)
    assert.throws(() => ntXent(zeros([4]), 0.5), ShapeError)
    assert.throws(() => ntXent(zeros([4, 2]), 0), ConfigError)
    assert.throws(() => ntXent(zeros([4, 2], { dtype: 'int32' }), 0.5), DtypeError)
    const z = unitRows(6, 3)
    const [dz] = gradients(ntXent(z, 0.5), [z], { createGraph: true })
    assert.throws(() => gradients(sum(mul(dz!, dz!)), [z]), GradientError)
  })
})
