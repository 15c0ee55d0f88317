import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { Generator } from '../../src/tensor/philox.js'
import { mocoV1View } from '../../src/views/presets.js'
import { quarterTurns } from '../../src/views/quarterTurns.js'
import type { ViewSpec } from '../../src/views/spec.js'
import { devices } from '../conformance/devices.js'
import { type Batch, randomImages, runPlan } from './runPlan.js'

const whole: ViewSpec = {
  height: 3,
  width: 3,
  interpolation: 'bilinear',
  padding: 'zeros',
  flip: 0,
  rotation: 0,
  greyscale: 0,
  normalise: { mean: [0], std: [1 / 255] },
}

/** A square image [side, side, channels] turned counterclockwise by a quarter. */
function quarter(image: Float32Array, side: number, channels: number): Float32Array {
  return image.map((_, i) => {
    const [y, x, c] = [Math.floor(i / (side * channels)), Math.floor(i / channels) % side, i % channels]
    return image[(x * side + (side - 1 - y)) * channels + c]!
  })
}

describe('quarterTurns', () => {
  it('wants a square view', () => {
    assert.throws(() => quarterTurns({ ...whole, width: 4 }), ConfigError)
  })

  it('draws one view and turns it, with the same colours', () => {
    const plan = quarterTurns(mocoV1View({ size: 8, mean: [0, 0, 0], std: [1, 1, 1], strength: 1, blur: false }))
    assert.deepEqual([plan.structures.length, plan.targetsPerImage], [4, 0])
    const { parameters } = plan.draw(new Generator(4), 5, { height: 9, width: 9 })
    for (const turned of parameters) {
      for (let i = 0; i < turned.length; i++) {
        if (i % (turned.length / 5) >= 6) assert.equal(turned[i], parameters[0]![i])
      }
    }
  })

  for (const { name, open } of devices) {
    describe(`on ${name}`, () => {
      let device: Device
      before(async () => {
        device = await open()
      })
      after(() => device.close())

      it('turns counterclockwise', async () => {
        const images: Batch = { data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), shape: [1, 3, 3, 1] }
        const views = await runPlan(quarterTurns(whole), images, device)
        assert.deepEqual(
          views.map(view => Array.from(view, value => Math.round(value))),
          [
            [1, 2, 3, 4, 5, 6, 7, 8, 9],
            [3, 6, 9, 2, 5, 8, 1, 4, 7],
            [9, 8, 7, 6, 5, 4, 3, 2, 1],
            [7, 4, 1, 8, 5, 2, 9, 6, 3],
          ],
        )
      })

      it('moves pixels without changing their bits, of moved and flipped images too', async () => {
        const size = { height: 7, width: 7, normalise: { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] } }
        const spec: ViewSpec = { ...whole, ...size, flip: 0.5, move: { kind: 'shift', pixels: 2 } }
        const views = await runPlan(quarterTurns(spec), randomImages([6, 7, 7, 3]), device)
        for (let turn = 1; turn < 4; turn++) {
          const each = views[turn - 1]!.length / 6
          const expected = Array.from({ length: 6 }, (_, i) => [
            ...quarter(views[turn - 1]!.subarray(i * each, (i + 1) * each), 7, 3),
          ])
          assert.deepEqual([...views[turn]!], expected.flat())
        }
      })

      it('turns crops as exactly as they are sampled', async () => {
        const spec = mocoV1View({ size: 12, mean: [0.5, 0.5, 0.5], std: [1, 1, 1], strength: 1, blur: false })
        const views = await runPlan(quarterTurns(spec), randomImages([4, 20, 20, 3]), device)
        const each = views[0]!.length / 4
        for (let i = 0; i < 4; i++) {
          let expected: Float32Array = views[0]!.slice(i * each, (i + 1) * each)
          for (let turn = 1; turn < 4; turn++) {
            expected = quarter(expected, 12, 3)
            const got = views[turn]!.subarray(i * each, (i + 1) * each)
            const worst = got.reduce((most, value, j) => Math.max(most, Math.abs(value - expected[j]!)), 0)
            assert.ok(worst < 1e-4, `image ${i}, turn ${turn}: ${worst}`)
          }
        }
      })
    })
  }
})
