import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ModelState } from '../../src/nn/state.js'
import { MoCoV3 } from '../../src/ssl/mocoV3.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { tensor } from '../../src/tensor/create.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { BATCH, runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'

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

    for (const jointBatch of [true, false]) {
      it(`is 2T · cross-entropy both ways, by hand, with views ${jointBatch ? 'together' : 'one by one'}`, async () => {
        const networks = () => ({ encoder: new Unchanged(2, device), projector: new Unchanged(2, device) })
        const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
        const target = new TargetNetwork(networks(), { momentum: () => 0.5 })
        const temperature = 0.25
        const method = new MoCoV3(networks(), new Unchanged(2, device), target, {
          temperature,
          jointBatch,
          views: [view, view],
        })
        method.attach(new ModelState(method.modules))
        const rows = (values: number[][]) => tensor(values, { device })
        // Of lengths 5 and 2: queries and keys are (0.6, 0.8), (1, 0) in view a, and (1, 0), (0, 1) in view b.
        const batch = batchOf(
          rows([
            [3, 4],
            [2, 0],
          ]),
          rows([
            [1, 0],
            [0, 1],
          ]),
        )
        const cross = (own: number, other: number) =>
          Math.log(Math.exp(own / temperature) + Math.exp(other / temperature)) - own / temperature
        const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-5, `${actual}`)
        method.prepare(0)
        const aToB = (cross(0.6, 0.8) + cross(0, 1)) / 2
        const bToA = (cross(0.6, 1) + cross(0, 0.8)) / 2
        near(await method.loss(batch).loss.item(), 2 * temperature * (aToB + bToA))
        // The encoder turns to swap the two numbers, and the target goes half way: all of its keys are (1, 1) / √2.
        method.online.encoder.parameters()[0]!.write(Float32Array.of(0, 1, 1, 0))
        method.afterStep()
        method.prepare(1)
        near(await method.loss(batch).loss.item(), 2 * temperature * 2 * Math.log(2))
      })
    }

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
