import assert from 'node:assert/strict'
import { DeviceDataset } from '../../src/data/deviceDataset.js'
import type { Device } from '../../src/device/device.js'
import { DataError } from '../../src/device/errors.js'
import { gatherImages } from '../../src/ops/augment.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

for (const { name, open } of devices) {
  describe(`gatherImages and DeviceDataset on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    /** 11 images of 3×3×1 (nine bytes, so that words straddle images) or of 2×2×3 (whole words). */
    function datasetOf(height: number, width: number, channels: 1 | 3) {
      const generator = new Generator(5)
      const images = Uint8Array.from({ length: 11 * height * width * channels }, () => generator.integer(256))
      return { name: 'test', source: 'test', height, width, channels, count: 11, images }
    }

    function pick({ images, count }: { images: Uint8Array; count: number }, indices: readonly number[]): Uint8Array {
      const size = images.length / count
      return Uint8Array.from(indices.flatMap(index => [...images.subarray(index * size, (index + 1) * size)]))
    }

    it('gathers from any number of pages', async () => {
      const indices = [10, 0, 3, 3, 7, 4, 9]
      for (const dataset of [datasetOf(3, 3, 1), datasetOf(2, 2, 3)]) {
        const { height, width, channels, images } = dataset
        for (const sizes of [[11], [4, 7], [3, 1, 2, 5]]) {
          const batch = scope(() => {
            let first = 0
            const pages = sizes.map((size): Tensor => {
              const bytes = images.subarray((first * images.length) / 11, ((first + size) * images.length) / 11)
              first += size
              return tensor(bytes.slice(), { shape: [size, height, width, channels], device })
            })
            return gatherImages(pages, tensor(Int32Array.from(indices), { device }))
          })
          assert.deepEqual(batch.shape, [7, height, width, channels])
          assert.deepEqual(await batch.data(), pick(dataset, indices))
          batch.dispose()
        }
      }
    })

    it('reads the same batches from pages, from one page and from the host, recorded', async () => {
      const dataset = datasetOf(3, 3, 1)
      const small: Device = Object.create(device, {
        info: { value: { ...device.info, limits: { ...device.info.limits, maxBindingBytes: 40 } } },
      })
      const before = device.memory().buffers
      for (const [data, resident, pages] of [
        [new DeviceDataset(device, dataset), true, 1],
        [new DeviceDataset(small, dataset), true, 3],
        [new DeviceDataset(device, dataset, { maxBytes: 98 }), false, 0],
      ] as const) {
        assert.deepEqual([data.resident, data.pages], [resident, pages])
        const reader = data.reader(4)
        reader.prepare([1, 5, 10, 0])
        let batch: Tensor | undefined
        const program = await device.record(() => {
          batch = reader.batch()
        })
        assert.deepEqual(await batch!.data(), pick(dataset, [1, 5, 10, 0]))
        reader.prepare(Int32Array.of(9, 2))
        device.replay(program)
        assert.deepEqual(await batch!.data(), pick(dataset, [9, 2, 2, 2]))
        assert.throws(() => reader.prepare([11]), DataError)
        assert.throws(() => reader.prepare([-1]), DataError)
        assert.throws(() => reader.prepare([]), DataError)
        assert.throws(() => reader.prepare([1, 1, 1, 1, 1]), DataError)
        batch!.dispose()
        device.release(program)
        reader.dispose()
        data.dispose()
      }
      assert.equal(device.memory().buffers, before)
    })
  })
}
