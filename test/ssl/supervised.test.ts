import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { resolveConfig } from '../../src/train/recipes.js'
import { assemble } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { pictures, runSteps, tinyRun } from '../train/tiny.js'

for (const { name, open } of devices) {
  describe(`ssl/supervised and mean-teacher on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('begins near log C, learns the labels, and says how many it gets right', async () => {
      const run = tinyRun(device, {
        method: 'supervised',
        views: { parts: [] },
        optimizer: { name: 'adamw', learningRate: 0.02, scaling: 'none' },
        schedule: { form: 'constant', warmup: 0 },
      })
      assert.equal(run.method.chance(8), Math.log(4))
      await runSteps(run, 0, 60)
      const metrics = await run.step.metrics(60)
      assert.ok(Math.abs(metrics[0]!.loss - Math.log(4)) < 0.6, `first loss ${metrics[0]!.loss}`)
      const last = metrics.slice(-6)
      const mean = (name: string) => last.reduce((sum, row) => sum + row[name]!, 0) / last.length
      assert.ok(mean('loss') < 0.5, `last loss ${mean('loss')}`)
      assert.ok(mean('accuracy') > 0.9)
    })

    it('trains on the images whose labels are known alone', () => {
      const run = tinyRun(device, { method: 'supervised', labels: 16 })
      assert.equal(run.stepsPerEpoch, 2)
      const few = () => tinyRun(device, { method: 'supervised', labels: 4 })
      assert.throws(few, /batch: noise has 4 training images, fewer than one batch of 8/)
    })

    it('wants labels', () => {
      const { labels: _, classes: __, ...train } = pictures(8)
      for (const method of ['supervised', 'mean-teacher']) {
        const config = resolveConfig({ method, batch: 8, width: 4, options: {} })
        assert.throws(() => assemble(config, { train, skipped: [] }, device), ConfigError)
      }
    })

    it('mean-teacher has so many labelled images in each batch, and raises the weight of consistency', async () => {
      const run = tinyRun(device, {
        method: 'mean-teacher',
        labels: 6,
        options: { labelledPerBatch: 4, momentum: 0.9, consistency: 10, rampUp: 1 },
      })
      assert.equal(run.stepsPerEpoch, Math.floor((24 - 6) / 4))
      assert.equal(run.method.chance(8), Math.log(4) / 2)
      await runSteps(run, 0, 8)
      // w(t) = 10 · exp(−5 (1 − t / 4)²) while it rises over the four steps of an epoch.
      const rows = await run.step.metrics(8)
      for (const { loss, consistency } of rows) assert.ok(loss > 0 && consistency! >= 0)
      const target = await run.state.get('method.target.encoder.stem.convolution.filter')!.data()
      const student = await run.state.get('encoder.stem.convolution.filter')!.data()
      assert.notDeepEqual([...target], [...student])
    })

    it("mean-teacher's teacher is the plain average of its students at first", async () => {
      const run = tinyRun(device, {
        method: 'mean-teacher',
        labels: 6,
        options: { labelledPerBatch: 4, momentum: 0.99 },
      })
      const name = 'encoder.stem.convolution.filter'
      const read = async (which: string) => [...(await run.state.get(which)!.data())]
      // α = min(1 − 1/(t + 1), 0.99): after step t the teacher is α·teacher + (1 − α)·student.
      let expected = await read(name)
      for (let step = 0; step < 4; step++) {
        await runSteps(run, step, step + 1)
        const [alpha, student] = [1 - 1 / (step + 1), await read(name)]
        expected = expected.map((value, i) => alpha * value + (1 - alpha) * student[i]!)
        const teacher = await read(`method.target.${name}`)
        expected.forEach((value, i) => {
          assert.ok(Math.abs(teacher[i]! - value) < 1e-6, `weight ${i} after step ${step}`)
        })
      }
    })
  })
}
