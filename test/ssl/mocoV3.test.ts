import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { MoCoV3 } from '../../src/ssl/mocoV3.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { BATCH, runSteps, tinyRun, valuesOf } from '../train/tiny.js'

for (const { name, open } of devices) {
  describe(`ssl/moco-v3 on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function moco(options = {}) {
      const run = tinyRun(device, { method: 'moco-v3', options: { predictor: [12, 8], ...options } })
      return { run, method: run.method as MoCoV3 }
    }

    it('is at 4T·log B where similarities hardly differ', async () => {
      const { run, method } = moco({ temperature: 20 })
      assert.equal(method.chance(BATCH), 80 * Math.log(BATCH))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss / method.chance(BATCH) - 1) < 0.05)
    })

    it('has a predictor on the online network alone, and a target that ends up standing still', async () => {
      const { run, method } = moco({ momentum: 0.5 })
      assert.deepEqual(Object.keys(method.modules), ['encoder', 'projector', 'predictor'])
      assert.deepEqual(Object.keys(method.target.modules), ['encoder', 'projector'])
      const online = run.state.get('encoder.stem.convolution.filter')!
      const target = run.state.get('method.target.encoder.stem.convolution.filter')!
      // m = 1 − (1 − 0.5)·½(1 + cos(π k / 12)) over the twelve steps of a run.
      let expected = [...(await target.data())]
      assert.deepEqual(expected, [...(await online.data())])
      for (let step = 0; step < 12; step++) {
        await runSteps(run, step, step + 1)
        const m = 1 - 0.25 * (1 + Math.cos((Math.PI * step) / 12))
        const now = await online.data()
        expected = expected.map((value, i) => m * value + (1 - m) * now[i]!)
        const found = await target.data()
        expected.forEach((value, i) => {
          assert.ok(Math.abs(found[i]! - value) < 1e-6, `weight ${i} after step ${step}`)
        })
      }
    })

    it('goes on as if never stopped', async () => {
      const whole = moco().run
      await runSteps(whole, 0, 6)
      const killed = moco().run
      await runSteps(killed, 0, 4)
      const resumed = moco().run
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 4, 6)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })
  })
}
