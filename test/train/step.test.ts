import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { modelTensors, readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { eager, runSteps, type TinyRun, tinyRun, valuesOf } from './tiny.js'

for (const { name, open } of devices) {
  describe(`train/step on ${name}: the training step`, () => {
    let device: Device

    beforeEach(async () => {
      device = await open()
    })

    afterEach(() => device.close())

    for (const optimizer of ['sgd', 'lars', 'adamw']) {
      it(`recorded is what it is run eagerly, bit for bit, with ${optimizer}`, async () => {
        const settings = { optimizer: { name: optimizer, ...(optimizer === 'lars' && { eeta: 0.001 }) } }
        const [recorded, plain] = [tinyRun(device, settings), tinyRun(eager(device), settings)]
        const before = await valuesOf(recorded)
        assert.deepEqual(await valuesOf(plain), before)
        for (const run of [recorded, plain]) await runSteps(run, 0, 5)
        const after = await valuesOf(recorded)
        assert.deepEqual(await valuesOf(plain), after)
        for (const values of Object.keys(before)) assert.notDeepEqual(after[values], before[values], `${values} moved`)
        assert.deepEqual(await plain.step.metrics(5), await recorded.step.metrics(5))
      })
    }

    it('goes on at step k, from the tensors alone, as if it had never stopped', async () => {
      const whole = tinyRun(device)
      await runSteps(whole, 0, 7)
      const killed = tinyRun(device)
      await runSteps(killed, 0, 4)
      const saved = await readTensors(killed.state)
      await runSteps(killed, 4, 6)
      const resumed = tinyRun(device)
      writeTensors(resumed.state, saved, 'memory')
      await runSteps(resumed, 4, 7)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
      assert.deepEqual(await resumed.step.metrics(7), (await whole.step.metrics(7)).slice(4))
    })

    it('has parameters that are not trained in its state, as they were when it began', async () => {
      const network = { patchSize: 2, depth: 1, heads: 2, positions: 'sincos', frozenPatches: true }
      const settings = { method: 'simclr', encoder: 'vit-tiny', width: 16, network }
      const [run, other] = [tinyRun(device, settings), tinyRun(device, { ...settings, seed: 1 })]
      const projection = async (of: TinyRun) => [...(await of.state.get('encoder.projection.weight')!.data())]
      const drawn = await projection(run)
      assert.notDeepEqual(await projection(other), drawn)
      await runSteps(run, 0, 2)
      assert.deepEqual(await projection(run), drawn)
      writeTensors(other.state, await readTensors(run.state), 'memory')
      assert.deepEqual(await projection(other), drawn)
      assert.ok(modelTensors(other.model).has('encoder.projection.weight'), 'a part of the model and its hash')
    })

    it('depends on the seed in its weights, and with the same weights in its views and order', async () => {
      const [a, b] = [tinyRun(device), tinyRun(device, { seed: 1 })]
      assert.notDeepEqual(await valuesOf(a), await valuesOf(b))
      // The flat encoder's weights do not depend on the seed.
      const [c, d] = [tinyRun(device, { flat: true }), tinyRun(device, { flat: true, seed: 1 })]
      assert.deepEqual(await valuesOf(c), await valuesOf(d))
      for (const run of [c, d]) await runSteps(run, 0, 2)
      assert.notDeepEqual(await valuesOf(c), await valuesOf(d))
    })

    it('reads metrics across the end of their ring, whether at every step or at once', async () => {
      const [often, once] = [tinyRun(device, { flat: true }), tinyRun(device, { flat: true })]
      const one = []
      for (let k = 250; k < 260; k++) {
        await often.step.run(k)
        one.push(...(await often.step.metrics(k + 1)))
      }
      await runSteps(once, 250, 260)
      const all = await once.step.metrics(260)
      assert.deepEqual(all, one)
      assert.deepEqual(
        all.map(({ step }) => step),
        [250, 251, 252, 253, 254, 255, 256, 257, 258, 259],
      )
      assert.equal(new Set(all.map(({ loss }) => loss)).size, 10, 'each step has a loss of its own')
      for (const { deviation } of all) assert.ok(deviation > 0 && deviation <= 1 / Math.sqrt(6) + 1e-6)
      assert.deepEqual(await once.step.metrics(260), [], 'nothing is told twice')
    })

    it('holds no more after three hundred steps than after three, and keeps the metrics of the last 256', async () => {
      const run = tinyRun(device, { flat: true })
      await runSteps(run, 0, 3)
      await device.settle()
      const { buffers, live } = device.memory()
      await runSteps(run, 3, 300)
      const kept = await run.step.metrics(300)
      assert.deepEqual([kept.length, kept[0]?.step, kept.at(-1)?.step], [256, 44, 299])
      await device.settle()
      assert.deepEqual({ ...device.memory(), pooled: 0, peak: 0 }, { buffers, live, pooled: 0, peak: 0 })
    })

    it('is not disturbed by a classifier that learns along, which resumes with it', async () => {
      const settings = { evaluation: { onlineProbe: true } }
      const [plain, probed] = [tinyRun(device), tinyRun(device, settings)]
      for (const run of [plain, probed]) await runSteps(run, 0, 5)
      const [before, after] = [await valuesOf(plain), await valuesOf(probed)]
      for (const name of Object.keys(before)) assert.deepEqual(after[name], before[name], name)
      assert.ok(after['probe.linear.weight']!.some(value => value !== 0))
      const last = (await probed.step.metrics(5)).at(-1)!
      assert.ok(last.probeLoss! > 0 && last.probeAccuracy! >= 0 && last.probeAccuracy! <= 1)

      const killed = tinyRun(device, settings)
      await runSteps(killed, 0, 3)
      const resumed = tinyRun(device, settings)
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 3, 5)
      assert.deepEqual(await valuesOf(resumed), after)
    })

    it('gives back what it made', async () => {
      const run = tinyRun(device, { flat: true })
      await device.settle()
      const before = device.memory().buffers
      await runSteps(run, 0, 2)
      run.step.dispose()
      await device.settle()
      // Two tensors of view parameters, indices, labels and the ring were there before the first step.
      assert.equal(device.memory().buffers, before - 5)
    })
  })
}
