import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { BarlowTwins } from '../../src/ssl/barlowTwins.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = { method: 'barlow', options: { lambda: 0.01 }, projector: [8, 6] }

for (const { name, open } of devices) {
  describe(`ssl/barlowTwins on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('is at chance for views that have nothing in common', async () => {
      const [batch, dimension] = [400, 6]
      const network = new Unchanged(dimension, device)
      const options = { lambda: 0.1, biasRate: 1, dimension, views: [view, view] } as const
      const method = new BarlowTwins(network, new Unchanged(dimension, device), options)
      const generator = new Generator(7)
      const views = [0, 1].map(() => {
        const values = Float32Array.from({ length: batch * dimension }, () => generator.normal())
        return tensor(values, { shape: [batch, 1, 1, dimension], device })
      })
      const { loss, embedding, positives } = method.loss(batchOf(...views))
      assert.deepEqual([embedding.shape, positives!.shape], Array(2).fill([batch, dimension]))
      // Six diagonal terms (1 − c)² with c of deviation 0.05.
      assert.ok(Math.abs((await loss.item()) - method.chance(batch)) < 6 * 2 * 0.05)
      assert.ok(Math.abs(method.chance(3) - (dimension * 1.5 + 0.1 * dimension * 5 * 0.5)) < 1e-12)
    })

    it('sends a gradient to every parameter of encoder and projector', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const widths = [network.featureDimension, 16, 12]
      const projector = new MLP({ widths, outputBias: false, generator: generator.split('projector') })
      const method = new BarlowTwins(network, projector, {
        lambda: 0.0051,
        biasRate: 1,
        dimension: 12,
        views: [view, view],
      })
      await checkGradients(method, batchOf(noise(6, 1), noise(6, 2)))
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, settings)
      await checkResume(device, settings)
    })

    it('learns', () => checkLearning(device, { ...settings, optimizer: { learningRate: 0.5 } }))

    it('gives biases and norms a rate of their own, and has no bias after the last layer', async () => {
      const once = { ...settings, schedule: { form: 'constant', warmupFraction: 0 } }
      const own = { ...once, options: { lambda: 0.01, biasRate: 0.5 } }
      const [half, whole] = [tinyRun(device, own), tinyRun(device, once)]
      const before = await valuesOf(half)
      assert.ok(!('projector.layers.1.linear.bias' in before))
      for (const run of [half, whole]) await runSteps(run, 0, 1)
      const [slow, fast] = [await valuesOf(half), await valuesOf(whole)]
      const weight = 'projector.layers.0.linear.weight'
      assert.deepEqual(slow[weight], fast[weight])
      const beta = 'projector.layers.0.norm.beta'
      const moved = (values: Record<string, number[]>) => values[beta]!.map((value, i) => value - before[beta]![i]!)
      assert.ok(moved(fast).some(value => value !== 0))
      moved(slow).forEach((value, i) => {
        assert.ok(Math.abs(value - 0.5 * moved(fast)[i]!) <= 1e-6 * Math.abs(value))
      })
    })

    it('refuses a rate for biases where these are in no group of their own', () => {
      const optimizer = { decayAll: true }
      assert.throws(
        () => tinyRun(device, { ...settings, options: { biasRate: 0.024 }, optimizer }),
        (error: unknown) =>
          error instanceof ConfigError && /^options.biasRate: wants 1 where .*, got 0.024$/.test(error.message),
      )
    })
  })
}
