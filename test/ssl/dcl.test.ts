import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { DCL } from '../../src/ssl/dcl.js'
import { ones } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { tinyRun } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = { method: 'dcl', options: { temperature: 0.5 }, projector: [8, 6] }
const weighted = { ...settings, options: { temperature: 0.5, sigma: 0.5 } }

for (const { name, open } of devices) {
  describe(`ssl/dcl on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('is at chance, log(2B − 2), where all images have the same embedding, weighted or not', async () => {
      const same = ones([5, 1, 1, 4], { device })
      for (const options of [{ temperature: 0.1 }, { temperature: 0.1, sigma: 0.5 }]) {
        const networks = [new Unchanged(4, device), new Unchanged(4, device)] as const
        const method = new DCL(...networks, { ...options, views: [view, view] })
        assert.equal(method.chance(5), Math.log(8))
        assert.ok(Math.abs((await method.loss(batchOf(same, same)).loss.item()) - method.chance(5)) < 1e-4)
      }
    })

    it('sends a gradient to every parameter, and does not care which view comes first', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const projector = new MLP({ widths: [network.featureDimension, 16, 12], generator: generator.split('projector') })
      const method = new DCL(network, projector, { temperature: 0.5, sigma: 0.5, views: [view, view] })
      const [a, b] = [noise(6, 1), noise(6, 2)]
      await checkGradients(method, batchOf(a, b))
      const [one, other] = [method.loss(batchOf(a, b)), method.loss(batchOf(b, a))]
      assert.ok(Math.abs((await one.loss.item()) - (await other.loss.item())) < 1e-5)
    })

    it('is another loss with weights', async () => {
      const [plain, own] = [tinyRun(device, settings), tinyRun(device, weighted)]
      for (const { step } of [plain, own]) await step.run(0)
      const [one, other] = [await plain.step.metrics(1), await own.step.metrics(1)]
      assert.notEqual(one[0]!.loss, other[0]!.loss)
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, weighted)
      await checkResume(device, weighted)
    })

    it('learns', () => checkLearning(device, { ...settings, optimizer: { learningRate: 1 } }))
  })
}
