import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { Linear } from '../../src/nn/linear.js'
import { MLP } from '../../src/nn/mlp.js'
import { Module } from '../../src/nn/module.js'
import { reshape } from '../../src/ops/shape.js'
import { type Encoder, Method } from '../../src/ssl/method.js'
import { Rotation } from '../../src/ssl/rotation.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { pretextAccuracy } from '../../src/train/pretext.js'
import { wholeView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { batchOf } from './batch.js'
import { everyParameterLearns, firstAndLast, noiseViews, resumesBitForBit } from './surrogate.js'

const SIDE = 8

/** The pixels themselves. */
class Pixels extends Module implements Encoder {
  readonly featureDimension = 4

  forward(x: Tensor): Tensor {
    return reshape(x, [x.shape[0]!, 4])
  }
}

for (const { name, open } of devices) {
  describe(`ssl/rotation on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(): Rotation {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 8, generator: generator.split('encoder') })
      const head = new MLP({ widths: [network.featureDimension, 4], generator: generator.split('head') })
      const view = wholeView({ size: SIDE, mean: [0.5], std: [0.25] })
      return new Rotation(network, head, { view, heldOut: view })
    }

    it('is a method of four views, whose chance is log 4', () => {
      const method = build()
      assert.ok(method instanceof Method)
      assert.equal(method.views.structures.length, 4)
      assert.equal(method.chance(), Math.log(4))
    })

    it('turns counterclockwise, and knows which turn is which', async () => {
      // White on black in the upper left corner; turned, it is lower left, then lower right, then upper right.
      const corners = [0, 2, 3, 1]
      const images = Uint8Array.of(255, 0, 0, 0)
      const test = { name: 'corner', source: 'corner', height: 2, width: 2, channels: 1, count: 1, images } as const
      const head = new Linear({ inputs: 4, outputs: 4, generator: new Generator(1), device })
      const weights = new Float32Array(16)
      corners.forEach((pixel, turn) => {
        weights[4 * pixel + turn] = 50
      })
      head.weight.write(weights)
      const view = wholeView({ size: 2, mean: [0.5], std: [0.5] })
      const method = new Rotation(new Pixels(), head, { view, heldOut: view })
      assert.equal(await pretextAccuracy(method, test, { device, batch: 1 }), 1)
      // One that takes left for right is right where that makes no difference: nowhere.
      weights.fill(0)
      corners.forEach((pixel, turn) => {
        weights[4 * (pixel ^ 1) + turn] = 50
      })
      head.weight.write(weights)
      assert.equal(await pretextAccuracy(method, test, { device, batch: 1 }), 0)
    })

    it('is at chance where the head says nothing, and right on a quarter: all are the first turn to it', async () => {
      const method = build()
      for (const parameter of method.head.parameters()) parameter.write(new Float32Array(parameter.size))
      const { loss, metrics, embedding } = method.loss(batchOf(...noiseViews(4, 6, SIDE, device)))
      assert.ok(Math.abs((await loss.item()) - Math.log(4)) < 1e-6)
      assert.equal(await metrics!.accuracy!.item(), 0.25)
      assert.deepEqual(embedding.shape, [6, 32])
    })

    it('sends a gradient to every parameter', () =>
      everyParameterLearns(build(), batchOf(...noiseViews(4, 6, SIDE, device))))

    it('goes on as if it had never stopped', () => resumesBitForBit(device, { method: 'rotation' }))

    it('learns what is up in slopes', async () => {
      const settings = { method: 'rotation', side: 8, optimizer: { learningRate: 1 } }
      const { first, last } = await firstAndLast(device, settings, 40)
      assert.ok(last.loss < 0.75 * first.loss && last.accuracy > 0.5, JSON.stringify({ first, last }))
    })
  })
}
