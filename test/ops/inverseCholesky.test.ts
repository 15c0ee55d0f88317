import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, ShapeError } from '../../src/device/errors.js'
import '../../src/nn/copyInto.js'
import { inverseCholesky } from '../../src/ops/inverseCholesky.js'
import { matmul } from '../../src/ops/matmul.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { devices } from '../conformance/devices.js'
import { generator, positiveDefinite } from '../reference/random.js'

for (const { name, open } of devices) {
  describe(`inverseCholesky on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const covariance = (d: number, seed: number) => Float32Array.from(positiveDefinite(generator(seed), d * d))

    it('whitens more dimensions than a workgroup has invocations: W·x·Wᵀ = I, W lower triangular', async () => {
      for (const d of [128, 300]) {
        const { w, product } = scope(() => {
          const x = tensor(covariance(d, d), { shape: [d, d], device })
          const w = inverseCholesky(x)
          return { w, product: matmul(matmul(w, x), w, { transposeB: true }) }
        })
        const [values, whitened] = await Promise.all([w.data(), product.data()])
        let error = 0
        for (let i = 0; i < d; i++)
          for (let j = 0; j < d; j++) {
            error = Math.max(error, Math.abs(whitened[i * d + j]! - (i === j ? 1 : 0)))
            if (j > i) assert.equal(values[i * d + j], 0)
          }
        assert.ok(error < 1e-5, `off by ${error}`)
      }
    })

    it('stands in a recorded step, with its gradient', async () => {
      const d = 9
      const x = tensor(covariance(d, 1), { shape: [d, d], device, requiresGradient: true })
      const out = zeros([d, d], { device })
      const body = () => {
        scope(() => {
          const [dx] = gradients(sum(inverseCholesky(x)), [x])
          device.launch({ op: 'copyInto', from: dx!.slice, to: out.slice, count: d * d, accumulate: false })
        })
      }
      const program = await device.record(body)
      x.write(covariance(d, 2))
      device.replay(program)
      const replayed = await out.data()
      body()
      assert.deepEqual(replayed, await out.data())
      device.release(program)
    })

    it('gives NaN where there is no factor, and refuses what is no matrix for it', async () => {
      const x = tensor([1, 2, 2, 1], { shape: [2, 2], device })
      assert.ok(Number.isNaN((await inverseCholesky(x).data())[3]))
      assert.throws(() => inverseCholesky(zeros([2, 3], { device })), ShapeError)
      assert.throws(() => inverseCholesky(zeros([4], { device })), ShapeError)
      assert.throws(() => inverseCholesky(zeros([2, 2], { device, dtype: 'int32' })), DtypeError)
    })
  })
}
