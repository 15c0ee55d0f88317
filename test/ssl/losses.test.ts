import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { barlowTwins } from '../../src/ssl/losses/barlowTwins.js'
import { decoupledContrastive } from '../../src/ssl/losses/decoupledContrastive.js'
import { inBatchContrast } from '../../src/ssl/losses/inBatchContrast.js'
import { supervisedContrastive } from '../../src/ssl/losses/supervisedContrastive.js'
import { tico } from '../../src/ssl/losses/tico.js'
import { vicreg } from '../../src/ssl/losses/vicreg.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

const OFFICIAL = { invariance: 25, variance: 25, covariance: 1 }

for (const { name, open } of devices) {
  describe(`ssl/losses on ${name}: at the edges`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    /** Rows of length 1, or standard normal ones. */
    function rows(count: number, columns: number, { unit = false, seed = 1 } = {}): Tensor {
      const generator = new Generator(seed)
      const values = Array.from({ length: count }, () => {
        const row = Array.from({ length: columns }, () => generator.normal())
        return unit ? row.map(v => v / Math.hypot(...row)) : row
      })
      return tensor(values, { device })
    }

    const labels = (...values: number[]) => tensor(Int32Array.from(values), { device })

    /** The value and every element of the gradient are numbers. */
    async function finite(x: Tensor, loss: (x: Tensor) => Tensor): Promise<number> {
      x.requiresGradient = true
      const found = scope(() => {
        const value = loss(x)
        return { value, gradient: gradients(value, [x])[0]! }
      })
      assert.ok((await found.gradient.data()).every(Number.isFinite), 'the gradient')
      const value = await found.value.item()
      assert.ok(Number.isFinite(value), 'the value')
      return Math.abs(value) === 0 ? 0 : value
    }

    it('two views that are the same: only what their dimensions have in common is left', async () => {
      const z = rows(8, 3)
      const barlow = await finite(z, x => barlowTwins(x, x, 0.0051))
      assert.ok(barlow > 0 && barlow < 0.0051 * 6, `Barlow Twins ${barlow}`)
      const terms = vicreg(z, z, OFFICIAL)
      assert.equal(await terms.invariance.item(), 0)
      await finite(z, x => vicreg(x, x, OFFICIAL).loss)
      await finite(z, x => tico(x, x, zeros([3, 3], { device }), { covarianceMomentum: 0.9, rho: 8 }).loss)
    })

    it('rows of zeros, all images alike: the losses of a collapsed network', async () => {
      const z = zeros([6, 4], { device })
      assert.ok(Math.abs((await finite(z, x => barlowTwins(x, x, 0.0051))) - 4) < 1e-5)
      assert.ok(Math.abs((await finite(z, x => vicreg(x, x, OFFICIAL).loss)) - 25 * 0.99) < 1e-4)
      const options = { covarianceMomentum: 0.9, rho: 8 }
      assert.equal(await finite(z, x => tico(x, x, zeros([4, 4], { device }), options).loss), 0)
      assert.ok(Math.abs((await finite(z, x => decoupledContrastive(x, { temperature: 0.5 }))) - Math.log(4)) < 1e-5)
      const known = labels(0, 0, -1)
      assert.ok(Math.abs((await finite(z, x => supervisedContrastive(x, known, 0.5))) - Math.log(5)) < 1e-5)
      assert.ok(Math.abs((await finite(z, x => inBatchContrast(x, x, 0.5))) - Math.log(6)) < 1e-5)
    })

    it('a temperature of 0.01, where exp(1 / T) is more than float32 holds', async () => {
      const temperature = 0.01
      for (const unit of [
        rows(8, 5, { unit: true }),
        tensor(
          Array.from({ length: 8 }, () => [0.6, 0.8]),
          { device },
        ),
      ]) {
        await finite(unit, z => decoupledContrastive(z, { temperature }))
        await finite(unit, z => decoupledContrastive(z, { temperature, sigma: 0.5 }))
        await finite(unit, z => supervisedContrastive(z, labels(0, 1, 0, -1), temperature))
        await finite(unit, z => inBatchContrast(z, z, temperature))
      }
    })

    it('a batch of one image has no statistics and no negatives, and says so', () => {
      const one = rows(1, 4)
      const both = rows(2, 4, { unit: true })
      const wants = (message: RegExp) => (error: unknown) => error instanceof ShapeError && message.test(error.message)
      assert.throws(() => barlowTwins(one, one, 0.0051), wants(/^barlowTwins: wants two views \[B,D\] with B ≥ 2, got/))
      assert.throws(() => vicreg(one, one, OFFICIAL), wants(/^vicreg: wants two views \[B,D\] with B ≥ 2, got/))
      assert.throws(
        () => decoupledContrastive(both, { temperature: 0.5 }),
        wants(/^decoupledContrastive: wants z \[2B,D\] with B ≥ 2, .*, got \[2,4\]$/),
      )
    })

    it('a batch of one image is enough for the others', async () => {
      assert.equal(await finite(rows(2, 4, { unit: true }), z => supervisedContrastive(z, labels(0), 0.5)), 0)
      assert.equal(await finite(rows(1, 4, { unit: true }), q => inBatchContrast(q, q, 0.5)), 0)
      const before = zeros([4, 4], { device })
      const options = { covarianceMomentum: 0.9, rho: 8 }
      // The views agree, and C = 0.1·zzᵀ.
      assert.ok(Math.abs((await finite(rows(1, 4), z => tico(z, z, before, options).loss)) + 0.2) < 1e-5)
    })

    it('shapes that do not belong together, and temperatures that are none, are refused', () => {
      const [z, other] = [rows(6, 4), rows(6, 5)]
      const shapes = [
        () => barlowTwins(z, other, 1),
        () => vicreg(z, other, OFFICIAL),
        () => tico(z, other, zeros([4, 4], { device }), { covarianceMomentum: 0.9, rho: 8 }),
        () => tico(z, z, zeros([5, 5], { device }), { covarianceMomentum: 0.9, rho: 8 }),
        () => decoupledContrastive(rows(5, 4), { temperature: 0.5 }),
        () => supervisedContrastive(z, labels(0, 1), 0.5),
        () => inBatchContrast(z, other, 0.5),
      ]
      for (const call of shapes) assert.throws(call, ShapeError)
      for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => decoupledContrastive(z, { temperature }), ConfigError)
        assert.throws(() => supervisedContrastive(z, labels(0, 1, 2), temperature), ConfigError)
        assert.throws(() => inBatchContrast(z, z, temperature), ConfigError)
      }
      assert.throws(() => decoupledContrastive(z, { temperature: 0.5, sigma: 0 }), ConfigError)
    })

    it('without two labels alike, the supervised contrastive loss is that of the two views', async () => {
      const z = rows(8, 5, { unit: true })
      const [different, unknown, alike] = await Promise.all(
        [labels(0, 1, 2, 3), labels(-1, -1, -1, -1), labels(0, 0, 1, 1)].map(y =>
          supervisedContrastive(z, y, 0.5).item(),
        ),
      )
      assert.equal(unknown, different)
      assert.notEqual(alike, different)
    })
  })
}
