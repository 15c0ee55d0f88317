import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { VICReg } from '../../src/ssl/vicreg.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const weights = { invariance: 25, variance: 25, covariance: 1 }
const settings = { method: 'vicreg', projector: [8, 6] }

for (const { name, open } of devices) {
  describe(`ssl/vicreg on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('is at chance where all images have the same embedding', async () => {
      const method = new VICReg(new Unchanged(4, device), new Unchanged(4, device), { weights, views: [view, view] })
      const same = zeros([6, 1, 1, 4], { device })
      const { loss } = method.loss(batchOf(same, same))
      assert.ok(Math.abs((await loss.item()) - method.chance()) < 1e-4)
      assert.ok(Math.abs(method.chance() - 24.75) < 1e-12)
    })

    it('tells the terms that its loss is made of', async () => {
      const method = new VICReg(new Unchanged(2, device), new Unchanged(2, device), { weights, views: [view, view] })
      // Centred rows ±(0.5, 0.5): variances ½ and covariance ½ in each view, which lie 1 apart in one dimension.
      const at = (rows: number[][]) => tensor(rows, { shape: [2, 1, 1, 2], device })
      const first = at([
        [0, 0],
        [1, 1],
      ])
      const second = at([
        [1, 0],
        [2, 1],
      ])
      const { loss, metrics } = method.loss(batchOf(first, second))
      const near = async (what: string, value: number) => {
        assert.ok(Math.abs((await metrics![what]!.item()) - value) < 1e-6, what)
      }
      const hinge = 1 - Math.sqrt(0.5 + 1e-4)
      await near('invariance', 0.5)
      await near('variance', hinge)
      // Two elements ½² of C off the diagonal, divided by D, in both views.
      await near('covariance', 0.5)
      assert.ok(Math.abs((await loss.item()) - (12.5 + 25 * hinge + 0.5)) < 1e-4)
      assert.deepEqual(Object.keys(metrics!), [...method.metricNames])
    })

    it('sends a gradient to every parameter of encoder and expander', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const widths = [network.featureDimension, 16, 12]
      const expander = new MLP({ widths, outputBias: false, generator: generator.split('expander') })
      const method = new VICReg(network, expander, { weights, views: [view, view] })
      await checkGradients(method, batchOf(noise(6, 1), noise(6, 2)))
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, settings)
      await checkResume(device, settings)
    })

    it('learns', () => checkLearning(device, { ...settings, optimizer: { learningRate: 0.3 } }))
  })
}
