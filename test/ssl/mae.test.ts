import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import type { MAE } from '../../src/ssl/mae.js'
import { PatchMask } from '../../src/ssl/patchMask.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'

const SETTINGS = {
  method: 'mae',
  encoder: 'vit-tiny',
  width: 16,
  network: { patchSize: 2, depth: 1, heads: 2, positions: 'sincos' },
  optimizer: { name: 'adamw', learningRate: 1e-2, scaling: 'none', weightDecay: 0 },
  options: { decoderWidth: 8, decoderDepth: 1, decoderHeads: 2 },
}

for (const { name, open } of devices) {
  describe(`ssl/mae on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('hides the same number of patches of every image, others in each, and others at each step', async () => {
      const mask = new PatchMask({ batch: 6, patches: 16, ratio: 0.75, generator: new Generator(3), device })
      assert.equal(mask.seenCount, 4)
      const drawn: string[] = []
      for (const step of [0, 1, 0]) {
        mask.prepare(step)
        const [seen, places, hidden] = await Promise.all([mask.seen.data(), mask.places.data(), mask.hidden.data()])
        for (let image = 0; image < 6; image++) {
          const row = [...seen.slice(4 * image, 4 * image + 4)]
          const where = [...places.slice(16 * image, 16 * image + 16)]
          assert.deepEqual(
            where.toSorted((a, b) => a - b),
            Array.from({ length: 16 }, (_, i) => i),
          )
          row.forEach((patch, place) => {
            assert.equal(where[patch], place)
          })
          const expected = where.map(place => (place >= 4 ? 1 : 0))
          assert.deepEqual([...hidden.slice(16 * image, 16 * image + 16)], expected)
        }
        drawn.push([...seen].join())
      }
      assert.equal(drawn[0], drawn[2])
      assert.notEqual(drawn[0], drawn[1])
      const images = Array.from({ length: 6 }, (_, image) =>
        drawn[0]!
          .split(',')
          .slice(4 * image, 4 * image + 4)
          .join(),
      )
      assert.ok(new Set(images).size > 1)
    })

    it('wants patches to see and patches to hide', () => {
      for (const ratio of [0, 0.99, 1]) {
        assert.throws(
          () => new PatchMask({ batch: 2, patches: 16, ratio, generator: new Generator(0), device }),
          ConfigError,
        )
      }
    })

    it('begins at about the variance of what it paints, and learns to paint', async () => {
      const run = tinyRun(device, { ...SETTINGS, schedule: { form: 'constant', warmup: 0 } })
      assert.equal((run.method as MAE).chance(), 1)
      await runSteps(run, 0, 60)
      const losses = (await run.step.metrics(60)).map(({ loss }) => loss)
      // The unbiased variance of a patch of 12 numbers is 1, its mean square 11 / 12; a first guess adds a little.
      assert.ok(losses[0]! > 0.85 && losses[0]! < 1.3, `first loss ${losses[0]}`)
      assert.ok(losses.at(-1)! < 0.8 * losses[0]!, `loss ${losses[0]} → ${losses.at(-1)}`)
    })

    it('does not look at what is hidden', async () => {
      const method = tinyRun(device, SETTINGS).method as MAE
      method.prepare(0)
      const hidden = await method.mask.hidden.data()
      const image = new Generator(4)
      const values = Float32Array.from({ length: 8 * 8 * 8 * 3 }, () => image.normal())
      // Everything else where a patch is hidden: patch p of 2 x 2 pixels is row ⌊p / 4⌋, column p mod 4.
      const other = values.map((value, at) => {
        const pixel = Math.floor(at / 3)
        const [row, column] = [Math.floor((pixel % 64) / 16), Math.floor((pixel % 8) / 2)]
        return hidden[16 * Math.floor(pixel / 64) + 4 * row + column] ? value + 1 : value
      })
      assert.notDeepEqual(other, values)
      const features = async (of: Float32Array) => {
        const view = tensor(of, { shape: [8, 8, 8, 3], device })
        const { features: found } = method.loss(batchOf(view))
        return [...(await found!.data())]
      }
      assert.deepEqual(await features(other), await features(values))
    })

    it('wants a vision transformer', () => {
      assert.throws(
        () => tinyRun(device, { ...SETTINGS, encoder: 'resnet8', network: {} }),
        /mae wants a vision transformer/,
      )
    })

    it('goes on as if never stopped', async () => {
      const whole = tinyRun(device, SETTINGS)
      await runSteps(whole, 0, 6)
      const killed = tinyRun(device, SETTINGS)
      await runSteps(killed, 0, 4)
      const resumed = tinyRun(device, SETTINGS)
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 4, 6)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })
  })
}
