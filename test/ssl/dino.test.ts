import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { DINO } from '../../src/ssl/dino.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'

const OPTIONS = {
  outputs: 6,
  hidden: 8,
  bottleneck: 4,
  localCount: 1,
  localSize: 4,
  frozenEpochs: 0,
  centreMomentum: 0.8,
}

for (const { name, open } of devices) {
  describe(`ssl/dino on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function dino(options = {}) {
      const run = tinyRun(device, { method: 'dino', options: { ...OPTIONS, ...options } })
      return { run, method: run.method as DINO }
    }

    it('is at log K where temperatures are high', async () => {
      const { run, method } = dino({ studentTemperature: 50, teacherTemperature: 50 })
      assert.equal(method.chance(), Math.log(6))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - Math.log(6)) < 0.01)
    })

    it('moves its centre by the mean of what the teacher says', async () => {
      const { run } = dino({ momentum: 1 })
      const centre = async () => [...(await run.state.get('method.centre')!.data())]
      assert.deepEqual(await centre(), [0, 0, 0, 0, 0, 0])
      // A teacher that stands still, with batch norm in its own batches: c ← 0.8 c + 0.2 b has the b of each step.
      let before = await centre()
      for (let step = 0; step < 4; step++) {
        await runSteps(run, step, step + 1)
        const after = await centre()
        const said = after.map((value, k) => (value - 0.8 * before[k]!) / 0.2)
        // Cosines, as all outputs of a weight-normalised layer are.
        for (const value of said) assert.ok(Math.abs(value) <= 1 + 1e-4, `output ${value}`)
        assert.ok(said.some(value => Math.abs(value) > 1e-3))
        before = after
      }
    })

    it('leaves its last layer alone for as long as it is frozen', async () => {
      const { run, method } = dino({ frozenEpochs: 1 })
      const last = async () => [...(await method.student.head.last.directions.data())]
      const before = await last()
      await runSteps(run, 0, 3)
      assert.deepEqual(await last(), before)
      await runSteps(run, 3, 4)
      assert.notDeepEqual(await last(), before)
    })

    it('warms the temperature of the teacher up, which flattens what it says', async () => {
      const { method } = dino({ firstTeacherTemperature: 0.04, teacherTemperature: 0.07, teacherWarmup: 2 })
      const { teacherTemperature } = method.options
      for (const [step, expected] of [
        [0, 0.04],
        [3, 0.055],
        [6, 0.07],
        [11, 0.07],
      ] as const) {
        assert.ok(Math.abs(teacherTemperature(step) - expected) < 1e-12)
      }
    })

    it('goes on as if never stopped, with its teacher and its centre', async () => {
      const whole = dino().run
      await runSteps(whole, 0, 6)
      const killed = dino().run
      await runSteps(killed, 0, 4)
      const resumed = dino().run
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 4, 6)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })
  })
}
