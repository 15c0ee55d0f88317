import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { WMSE, type WMSEOptions } from '../../src/ssl/wmse.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { array } from '../reference/array.js'
import { whitenedDistance as reference } from '../reference/whiten.js'
import { tinyRun } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = { method: 'wmse', options: { sliceSize: 4, iterations: 2 }, projector: [8, 2] }

for (const { name, open } of devices) {
  describe(`ssl/wmse on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(options: Partial<WMSEOptions> & { batch: number; size: number }, dimension = 2): WMSE {
      return new WMSE(new Unchanged(dimension, device), new Unchanged(dimension, device), {
        iterations: 1,
        generator: new Generator(3),
        views: [view, view],
        ...options,
      })
    }

    const random = (batch: number, dimension: number, seed: number) => {
      const generator = new Generator(seed)
      return Float32Array.from({ length: batch * dimension }, () => generator.normal())
    }

    it('is near chance, 2, for views that have nothing in common', async () => {
      const [batch, dimension] = [512, 4]
      for (const normalised of [true, false]) {
        const method = build({ batch, size: 128, normalised }, dimension)
        const views = [1, 2].map(seed => {
          return tensor(random(batch, dimension, seed), { shape: [batch, 1, 1, dimension], device })
        })
        method.prepare(0)
        const { loss } = method.loss(batchOf(...views))
        assert.equal(method.chance(), 2)
        assert.ok(Math.abs((await loss.item()) - 2) < 0.15, `${await loss.item()}`)
      }
    })

    it('cuts the images of a step into the slices that its generator draws, the same in both views', async () => {
      const [batch, size] = [12, 6]
      const values = [1, 2].map(seed => random(batch, 2, seed))
      const method = build({ batch, size, iterations: 2 })
      const views = values.map(rows => tensor(rows, { shape: [batch, 1, 1, 2], device }))
      for (const step of [0, 1]) {
        method.prepare(step)
        const expected = [0, 1].map(iteration => {
          const order = new Generator(3).split(`slices/${step}/${iteration}`).permutation(batch)
          const shuffled = values.map(rows =>
            array(
              [batch, 2],
              [...order].flatMap(i => [...rows.slice(2 * i, 2 * i + 2)]),
            ),
          )
          return reference.forward(shuffled, { size, epsilon: 0, normalised: true }).data[0]!
        })
        const found = await method.loss(batchOf(...views)).loss.item()
        assert.ok(Math.abs(found - (expected[0]! + expected[1]!) / 2) < 1e-4, `${found} instead of ${expected}`)
        assert.notEqual(expected[0], expected[1])
      }
    })

    it('sends a gradient to every parameter, from four views too', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const projector = new MLP({ widths: [network.featureDimension, 16, 3], generator: generator.split('projector') })
      const options = { batch: 12, size: 6, iterations: 1, generator: new Generator(1) }
      const method = new WMSE(network, projector, { ...options, views: [view, view, view, view] })
      method.prepare(0)
      await checkGradients(method, batchOf(...[1, 2, 3, 4].map(seed => noise(12, seed))))
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, settings)
      await checkResume(device, { ...settings, options: { ...settings.options, views: 4 } })
    })

    it('learns', () => checkLearning(device, { ...settings, optimizer: { learningRate: 0.3 } }))

    it('refuses slices that do not divide the batch, or that are too small for the dimension', () => {
      const refuses = (options: object, message: RegExp) =>
        assert.throws(
          () => tinyRun(device, { ...settings, options }),
          (error: unknown) => error instanceof ConfigError && message.test(error.message),
        )
      refuses({ sliceSize: 3 }, /^options.sliceSize: wants a divisor of the batch of 8, got 3$/)
      refuses({ sliceSize: 2 }, /^options.sliceSize: wants more images than the projector's 2 dimensions, got 2; take/)
      tinyRun(device, { ...settings, options: { sliceSize: 2, epsilon: 0.1 } })
    })
  })
}
