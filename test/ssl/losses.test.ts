import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { bankSoftmax } from '../../src/ops/bankSoftmax.js'
import { infoNCE } from '../../src/ops/infoNCE.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { slice } from '../../src/ops/shape.js'
import { softmaxClassifier } from '../../src/ops/softmaxClassifier.js'
import { barlowTwins } from '../../src/ssl/losses/barlowTwins.js'
import { decoupledContrastive } from '../../src/ssl/losses/decoupledContrastive.js'
import { inBatchContrast } from '../../src/ssl/losses/inBatchContrast.js'
import { supervisedContrastive } from '../../src/ssl/losses/supervisedContrastive.js'
import { tico } from '../../src/ssl/losses/tico.js'
import { vicreg } from '../../src/ssl/losses/vicreg.js'
import { whiten, whitenedDistance } from '../../src/ssl/losses/whiten.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { stopGradient } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { finite } from './finite.js'

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
      assert.ok(
        Math.abs((await finite(z, x => softmaxClassifier(x, z, labels(0, 1, 2, 3, 4, 5)))) - Math.log(6)) < 1e-5,
      )
      // Whitened by what ε there is, and by nothing: the trainer then names the remedy.
      assert.equal(await finite(z, x => whitenedDistance([x, x], { size: 6, epsilon: 0.1 })), 0)
      assert.ok(Number.isNaN(await whitenedDistance([z, z], { size: 6 }).item()))
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
        await finite(unit, z => ntXent(z, temperature))
        // A queue that is shorter than the batch, and keys that are the queries.
        const queue = slice(unit, [0, 0], [3, unit.shape[1]!])
        await finite(unit, z => infoNCE(z, stopGradient(z), [stopGradient(queue)], temperature))
        await finite(unit, z => bankSoftmax(z, labels(0, 1, 2, 0, 1, 2, 0, 1), [stopGradient(queue)], temperature))
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
      assert.ok(Math.abs(await finite(rows(2, 4, { unit: true }), z => ntXent(z, 0.5))) < 1e-5)
      const one = rows(1, 4, { unit: true })
      // Its key and one of a queue that is the same.
      const twice = await finite(one, q => infoNCE(q, stopGradient(q), [stopGradient(q)], 0.01))
      assert.ok(Math.abs(twice - Math.log(2)) < 1e-5)
      assert.ok(Math.abs(await finite(one, q => bankSoftmax(q, labels(0), [stopGradient(q)], 0.01))) < 1e-5)
      assert.ok(Math.abs(await finite(one, x => softmaxClassifier(x, stopGradient(x), labels(0)))) < 1e-5)
      // The centre of one row is the row.
      await finite(rows(2, 4), x => whitenedDistance([x, rows(2, 4, { seed: 2 })], { size: 2, epsilon: 0.5 }))
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

    it('whitened rows have mean 0 and the identity for a covariance, whatever they were', async () => {
      const [count, columns] = [40, 3]
      const z = (await rows(count, columns).data()).map((v, i) => [100, 1, 0.01][i % 3]! * v + 5 * (i % 3))
      const white = await whiten(tensor(z, { shape: [count, columns], device })).data()
      for (let p = 0; p < columns; p++) {
        const column = (c: number) => Array.from({ length: count }, (_, i) => white[i * columns + c]!)
        const mean = column(p).reduce((sum, v) => sum + v, 0) / count
        assert.ok(Math.abs(mean) < 1e-4, `mean ${mean}`)
        for (let q = 0; q < columns; q++) {
          const covariance = column(p).reduce((sum, v, i) => sum + v * column(q)[i]!, 0) / (count - 1)
          assert.ok(Math.abs(covariance - Number(p === q)) < 1e-3, `covariance ${p}, ${q}: ${covariance}`)
        }
      }
    })

    it('whitening wants slices that divide the batch, with more rows than dimensions or an epsilon', async () => {
      const [a, b] = [rows(12, 4), rows(12, 4, { seed: 2 })]
      for (const size of [4, 5, 24]) assert.throws(() => whitenedDistance([a, b], { size }), ShapeError)
      assert.throws(() => whitenedDistance([a], { size: 6 }), ShapeError)
      assert.throws(() => whitenedDistance([a, rows(12, 3)], { size: 6 }), ShapeError)
      for (const epsilon of [-0.1, 1, Number.NaN])
        assert.throws(() => whitenedDistance([a, b], { size: 6, epsilon }), ConfigError)
      await finite(a, x => whitenedDistance([x, b], { size: 4, epsilon: 0.1 }))
      await finite(a, x => whitenedDistance([x, b], { size: 6, normalised: false }))
      // The same rows are the same when whitened; all of them alike there is nothing but ε to divide by.
      assert.ok(Math.abs(await finite(a, x => whitenedDistance([x, x], { size: 12 }))) < 1e-6)
      const same = tensor(
        Array.from({ length: 6 }, () => [1, 2]),
        { device },
      )
      assert.equal(await finite(same, x => whitenedDistance([x, x], { size: 6, epsilon: 0.5 })), 0)
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
