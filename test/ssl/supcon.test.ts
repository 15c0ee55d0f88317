import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { SimCLR } from '../../src/ssl/simclr.js'
import { SupCon } from '../../src/ssl/supcon.js'
import { ones, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { resolveConfig } from '../../src/train/recipes.js'
import { assemble } from '../../src/train/session.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { BATCH, pictures } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = { method: 'supcon', options: { temperature: 0.5 }, projector: [8, 6] }

for (const { name, open } of devices) {
  describe(`ssl/supcon on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const identity = () => [new Unchanged(4, device), new Unchanged(4, device)] as const
    const options = { temperature: 0.5, views: [view, view] } as const

    it('is at chance, log(2B − 1), where all images have the same embedding', async () => {
      const method = new SupCon(...identity(), options)
      const same = ones([5, 1, 1, 4], { device })
      assert.equal(method.chance(5), Math.log(9))
      assert.ok(Math.abs((await method.loss(batchOf(same, same)).loss.item()) - method.chance(5)) < 1e-5)
    })

    it('is SimCLR where no label is known', async () => {
      const views = [1, 2].map(seed => noise(3, seed, { side: 2 }))
      const labels = tensor(Int32Array.of(-1, -1, -1), { device })
      const supervised = new SupCon(...identity(), options).loss({ ...batchOf(...views), labels })
      const plain = new SimCLR(...identity(), options).loss(batchOf(...views))
      assert.ok(Math.abs((await supervised.loss.item()) - (await plain.loss.item())) < 1e-5)
    })

    it('draws images of one class together', async () => {
      const right = [1, 0, 0, 0]
      const up = [0, 1, 0, 0]
      const rows = tensor([right, up, right, up], { shape: [4, 1, 1, 4], device })
      const lossOf = async (...classes: number[]) => {
        const labels = tensor(Int32Array.from(classes), { device })
        return new SupCon(...identity(), options).loss({ ...batchOf(rows, rows), labels }).loss.item()
      }
      const near = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-5, `${value}`)
      // Of the seven others three lie in the same place (similarity 1 / T = 2) and four at right angles.
      const total = Math.log(3 * Math.exp(2) + 4)
      near(await lossOf(0, 1, 0, 1), total - 2)
      // Its own other view, and both views of one at right angles.
      near(await lossOf(0, 0, 1, 1), total - 2 / 3)
      near(await lossOf(-1, -1, -1, -1), total - 2)
      // Two that are known to be the same, and two that are not known.
      near(await lossOf(0, 0, -1, -1), total - (2 / 3 + 2) / 2)
    })

    it('sends a gradient to every parameter', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const projector = new MLP({ widths: [network.featureDimension, 16, 12], generator: generator.split('projector') })
      await checkGradients(new SupCon(network, projector, options), batchOf(noise(6, 1), noise(6, 2)))
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, settings)
      await checkResume(device, settings)
    })

    it('learns', () => checkLearning(device, { ...settings, optimizer: { learningRate: 1 } }, { share: 0.95 }))

    it('refuses images without labels', () => {
      const { labels, classes, ...unlabelled } = pictures(8)
      const config = resolveConfig({ batch: BATCH, width: 4, ...settings })
      assert.throws(
        () => assemble(config, { train: unlabelled, skipped: [] }, device),
        (error: unknown) => error instanceof ConfigError && error.message.includes('supcon learns from labels'),
      )
    })
  })
}
