import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { resolveConfig } from '../../src/train/recipes.js'
import { assemble } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { pictures, runSteps, tinyRun } from '../train/tiny.js'

for (const { name, open } of devices) {
  describe(`ssl/supervised on ${name}`, () => {
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
  })
}
