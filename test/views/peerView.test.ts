import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Device } from '../../src/device/device.js'
import { augment, PARAMETERS } from '../../src/ops/augment.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { drawView } from '../../src/views/draw.js'
import { peerView } from '../../src/views/presets.js'
import { structureOf } from '../../src/views/spec.js'
import { devices } from '../conformance/devices.js'

/** One case of `test/fixtures/make_views.py`. */
interface Case {
  readonly shape: readonly [number, number, number, number]
  readonly mean: number[]
  readonly std: number[]
  readonly images: number[]
  readonly draws: number[]
  readonly views: number[]
}

/** Draws what it is given, in that order. */
class Scripted extends Generator {
  #next = 0

  constructor(readonly draws: readonly number[]) {
    super(0)
  }

  override uniform(low = 0, high = 1): number {
    return low + (high - low) * this.draws[this.#next++]!
  }
}

for (const { name, open } of devices) {
  describe(`peerView on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    const path = new URL('../../../test/fixtures/peerViews.json', import.meta.url)
    const cases: Case[] = JSON.parse(readFileSync(path, 'utf8'))
    for (const { shape, mean, std, images, draws, views } of cases) {
      it(`makes the views of the PyTorch script from its draws: [${shape}]`, async () => {
        const [batch, height, width] = shape
        const spec = { ...peerView({ size: height, mean, std }), width }
        const parameters = drawView(spec, new Scripted(draws), batch, { height, width })
        const out = scope(() =>
          augment(
            tensor(Uint8Array.from(images), { shape, device }),
            tensor(parameters, { shape: [batch, PARAMETERS], device }),
            structureOf(spec),
          ),
        )
        const actual = await out.data()
        out.dispose()
        assert.equal(actual.length, views.length)
        const worst = views.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
        assert.ok(worst < 3e-5, `largest difference ${worst}`)
      })
    }
  })
}
