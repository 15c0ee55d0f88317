import assert from 'node:assert/strict'
import type { Dataset } from '../../src/data/dataset.js'
import type { Device } from '../../src/device/device.js'
import { DataError, ShapeError } from '../../src/device/errors.js'
import { extractFeatures } from '../../src/eval/features.js'
import { pixelFeatures } from '../../src/eval/pixels.js'
import { mul } from '../../src/ops/elementwise.js'
import { reshape } from '../../src/ops/shape.js'
import { sum } from '../../src/ops/sum.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

const random = new Generator(9)
const count = 11
const dataset: Dataset = {
  name: 'test',
  source: 'test',
  height: 3,
  width: 5,
  channels: 3,
  count,
  images: Uint8Array.from({ length: count * 45 }, () => random.integer(256)),
  labels: Int32Array.from({ length: count }, (_, i) => (i === 4 ? -1 : i % 3)),
  classes: ['a', 'b', 'c'],
}

describe('pixelFeatures', () => {
  it('has the pixels in [0, 1], and labels where there are any', () => {
    const { features, dimension, labels, classes } = pixelFeatures(dataset)
    assert.equal(dimension, 45)
    assert.deepEqual(
      features,
      Float32Array.from(dataset.images, byte => byte / 255),
    )
    assert.deepEqual([...labels], [0, 1, 2, 0, -1, 2, 0, 1, 2, 0, 1])
    assert.equal(classes, 3)
    const { labels: _, classes: __, ...unlabelled } = dataset
    assert.deepEqual([...pixelFeatures(unlabelled).labels], new Array(count).fill(-1))
    assert.equal(pixelFeatures(unlabelled).classes, 0)
  })
})

for (const { name, open } of devices) {
  describe(`extractFeatures on ${name}`, () => {
    const mean = [0.5, 0.25, 0.125]
    const std = [0.5, 0.25, 2]
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    it('normalises, runs the encoder batch by batch, and leaves nothing on the device', async () => {
      const channelSums = { forward: (x: Tensor) => sum(x, [1, 2]) }
      const expected = Array.from({ length: count * 3 }, (_, i) => {
        const [image, channel] = [Math.floor(i / 3), i % 3]
        const values = dataset.images.subarray(image * 45, (image + 1) * 45).filter((_, at) => at % 3 === channel)
        return values.reduce((total, byte) => total + (byte / 255 - mean[channel]!) / std[channel]!, 0)
      })
      const buffers = device.memory().buffers
      for (const batch of [1, 4, 11, 250]) {
        const progress: number[] = []
        const onProgress = (done: number) => progress.push(done)
        const set = await extractFeatures(channelSums, dataset, { device, mean, std, batch, onProgress })
        assert.deepEqual([progress.length, progress.at(-1)], [Math.ceil(count / batch), count])
        assert.deepEqual([set.count, set.dimension, set.classes], [count, 3, 3])
        assert.deepEqual(set.labels, dataset.labels)
        expected.forEach((value, i) => {
          assert.ok(Math.abs(set.features[i]! - value) < 1e-4, `batch ${batch}: ${i}: ${set.features[i]}, not ${value}`)
        })
        assert.equal(device.memory().buffers, buffers)
      }
    })

    it('keeps the encoder off the tape', async () => {
      const weight = tensor([2], { device, requiresGradient: true })
      let tracked = true
      const encoder = {
        forward(x: Tensor) {
          const y = mul(sum(x, [1, 2]), weight)
          tracked = y.node !== undefined
          return y
        },
      }
      await extractFeatures(encoder, dataset, { device, mean, std })
      assert.equal(tracked, false)
      weight.dispose()
    })

    it('takes the features that an encoder is evaluated by, where it has others than its own', async () => {
      const pixels = { forward: (x: Tensor) => reshape(x, [x.shape[0]!, 45]) }
      const plain = await extractFeatures(pixels, dataset, { device, mean, std })
      const both = { forward: (x: Tensor) => sum(x, [1, 2]), evaluationFeatures: pixels.forward }
      const found = await extractFeatures(both, dataset, { device, mean, std })
      assert.equal(found.dimension, 45)
      assert.deepEqual(found.features, plain.features)
    })

    it('refuses data without images and encoders without flat features', async () => {
      const options = { device, mean, std }
      const buffers = device.memory().buffers
      const empty = { ...dataset, count: 0, images: new Uint8Array(0) }
      await assert.rejects(extractFeatures({ forward: x => sum(x, [1, 2]) }, empty, options), DataError)
      await assert.rejects(extractFeatures({ forward: x => mul(x, 1) }, dataset, options), ShapeError)
      assert.equal(device.memory().buffers, buffers)
    })
  })
}
