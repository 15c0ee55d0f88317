import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { LateFusion } from '../../src/nn/lateFusion.js'
import { ContextPrediction } from '../../src/ssl/context.js'
import { Generator } from '../../src/tensor/philox.js'
import { independentViews } from '../../src/views/plan.js'
import { wholeView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { askedOf, everyParameterLearns, firstAndLast, noiseViews, resumesBitForBit } from './surrogate.js'

const SIDE = 8
const BATCH = 6
const PLACES = [0, 1, 2, 3, 7, 5]

for (const { name, open } of devices) {
  describe(`ssl/context on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(): ContextPrediction {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 8, generator: generator.split('encoder') })
      const sizes = { parts: 2, inputs: network.featureDimension, each: 16, joint: [24, 16], outputs: 8 }
      const head = new LateFusion({ ...sizes, generator: generator.split('head') })
      const view = wholeView({ size: SIDE, mean: [0.5], std: [0.25] })
      return new ContextPrediction(network, head, { ...independentViews([view, view]), targetsPerImage: 1 })
    }

    const asked = () => askedOf(noiseViews(2, BATCH, SIDE, device), PLACES)

    it('asks for one of eight places, of held-out images too', () => {
      const method = build()
      assert.equal(method.chance(), Math.log(8))
      assert.equal(method.heldOut, method.views)
    })

    it('is at chance where the last layer says nothing, and right where the first place is the answer', async () => {
      const method = build()
      for (const [path, parameter] of method.head.namedParameters()) {
        if (path.startsWith('rest.layers.1')) parameter.write(new Float32Array(parameter.size))
      }
      const { loss, metrics, embedding, features } = method.loss(asked())
      assert.ok(Math.abs((await loss.item()) - Math.log(8)) < 1e-6)
      assert.ok(Math.abs((await metrics!.accuracy!.item()) - 1 / BATCH) < 1e-6)
      assert.deepEqual(
        [embedding.shape, features!.shape],
        [
          [BATCH, 32],
          [BATCH, 32],
        ],
      )
    })

    it('knows which patch is the first', async () => {
      const method = build()
      const [first, second] = noiseViews(2, BATCH, SIDE, device)
      const there = await method.loss(askedOf([first!, second!], PLACES)).loss.item()
      const back = await method.loss(askedOf([second!, first!], PLACES)).loss.item()
      assert.ok(Math.abs(there - back) > 1e-3, `${there} both ways`)
    })

    it('sends a gradient to every parameter of tower and head', () => everyParameterLearns(build(), asked()))

    const tiny = { method: 'context', side: 12, options: { patch: 4, gap: 1, jitter: 1, each: 16, joint: [24, 16] } }

    it('goes on as if it had never stopped', () => resumesBitForBit(device, tiny))

    it('learns where patches of slopes come from', async () => {
      const { first, last } = await firstAndLast(device, { ...tiny, optimizer: { learningRate: 1 } }, 60)
      assert.ok(last.loss < first.loss - 0.5 && last.accuracy > 0.4, JSON.stringify({ first, last }))
    })
  })
}
