import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { mul } from '../../src/ops/elementwise.js'
import { clipNorm } from '../../src/optim/clipNorm.js'
import { full, tensor } from '../../src/tensor/create.js'
import { devices } from '../conformance/devices.js'
import { runSteps, tinyRun } from '../train/tiny.js'

for (const { name, open } of devices) {
  describe(`optim/clipNorm on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('shortens what is longer than the limit, and leaves the rest, zeros too', async () => {
      const clipped = async (limit: number, ...values: number[]) => [
        ...(await clipNorm(tensor([values], { device }), limit).data()),
      ]
      const near = (found: number[], expected: number[]) =>
        expected.forEach((value, i) => {
          assert.ok(Math.abs(found[i]! - value) < 1e-5, `${found}, wanted ${expected}`)
        })
      near(await clipped(2.5, 3, -4), [1.5, -2])
      assert.deepEqual(await clipped(6, 3, -4), [3, -4])
      assert.deepEqual(await clipped(1, 0, 0), [0, 0])
      const infinite = await clipNorm(tensor([1, Number.POSITIVE_INFINITY], { device }), full([], 2, { device })).data()
      assert.ok(!infinite.every(Number.isFinite), 'a loss scale must see it')
    })

    it('clips what a loss scale has scaled to the same lengths', async () => {
      const gradient = tensor([3, -4], { device })
      const scaled = await clipNorm(mul(gradient, 65_536), mul(full([], 65_536, { device }), 2.5)).data()
      const plain = await clipNorm(gradient, 2.5).data()
      plain.forEach((value, i) => {
        assert.ok(Math.abs(scaled[i]! / 65_536 - value) < 1e-6)
      })
    })

    it("holds each parameter's own step to the rate times the limit", async () => {
      const moved = async (clip: number) => {
        const optimizer = { name: 'sgd', learningRate: 0.5, scaling: 'none', momentum: 0, weightDecay: 0, clip }
        const run = tinyRun(device, { optimizer, schedule: { form: 'constant', warmup: 0 } })
        const parameters = run.model.parameters.tensors
        const before = await Promise.all(parameters.map(async each => [...(await each.data())]))
        await runSteps(run, 0, 1)
        const after = await Promise.all(parameters.map(each => each.data()))
        return after.map((values, k) => Math.hypot(...[...values].map((value, i) => value - before[k]![i]!)))
      }
      const free = await moved(1e6)
      const middle = [...free].sort((a, b) => a - b)[Math.floor(free.length / 2)]!
      assert.ok(Math.min(...free) < 0.9 * middle && Math.max(...free) > 1.1 * middle)
      for (const [k, length] of (await moved(middle / 0.5)).entries()) {
        const expected = Math.min(free[k]!, middle)
        assert.ok(Math.abs(length - expected) < 1e-3 * expected + 1e-6, `parameter ${k}: ${length} of ${free[k]}`)
      }
    })
  })
}
