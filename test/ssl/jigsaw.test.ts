import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { LateFusion } from '../../src/nn/lateFusion.js'
import { Jigsaw } from '../../src/ssl/jigsaw.js'
import { Generator } from '../../src/tensor/philox.js'
import { independentViews } from '../../src/views/plan.js'
import { wholeView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { askedOf, everyParameterLearns, firstAndLast, noiseViews, resumesBitForBit } from './surrogate.js'

const SIDE = 4
const BATCH = 5
const PERMUTATIONS = 12
const ANSWERS = [0, 3, 11, 7, 0]

for (const { name, open } of devices) {
  describe(`ssl/jigsaw on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(): Jigsaw {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 8, generator: generator.split('encoder') })
      const sizes = { parts: 9, inputs: network.featureDimension, each: 8, joint: [24], outputs: PERMUTATIONS }
      const head = new LateFusion({ ...sizes, generator: generator.split('head') })
      const view = wholeView({ size: SIDE, mean: [0.5], std: [0.25] })
      const plan = { ...independentViews(Array.from({ length: 9 }, () => view)), targetsPerImage: 1 }
      return new Jigsaw(network, head, plan, PERMUTATIONS)
    }

    const asked = () => askedOf(noiseViews(9, BATCH, SIDE, device), ANSWERS)

    it('asks for one of P permutations, of held-out images too', () => {
      const method = build()
      assert.equal(method.chance(), Math.log(PERMUTATIONS))
      assert.equal(method.heldOut, method.views)
    })

    it('is at chance where the last layer says nothing, and right where the first permutation is the answer', async () => {
      const method = build()
      for (const [path, parameter] of method.head.namedParameters()) {
        if (path.startsWith('rest.layers.0')) parameter.write(new Float32Array(parameter.size))
      }
      const { loss, metrics, embedding } = method.loss(asked())
      assert.ok(Math.abs((await loss.item()) - Math.log(PERMUTATIONS)) < 1e-6)
      assert.ok(Math.abs((await metrics!.accuracy!.item()) - 2 / BATCH) < 1e-6)
      assert.deepEqual(embedding.shape, [BATCH, 32])
    })

    it('knows the order of the tiles', async () => {
      const method = build()
      const tiles = noiseViews(9, BATCH, SIDE, device)
      const [a, b, ...others] = tiles
      const one = await method.loss(askedOf(tiles, ANSWERS)).loss.item()
      const other = await method.loss(askedOf([b!, a!, ...others], ANSWERS)).loss.item()
      assert.ok(Math.abs(one - other) > 1e-3, `${one} both ways`)
    })

    it('sends a gradient to every parameter of tower and head', () => everyParameterLearns(build(), asked()))

    const options = { cell: 4, tile: 4, permutations: 4, each: 16, joint: [24], standardise: false }
    const tiny = { method: 'jigsaw', side: 12, options }

    it('goes on as if it had never stopped', () => resumesBitForBit(device, tiny))

    it('learns the order of the tiles of slopes', async () => {
      const { first, last } = await firstAndLast(device, { ...tiny, optimizer: { learningRate: 1 } }, 60)
      assert.ok(last.loss < first.loss / 2 && last.accuracy > 0.8, JSON.stringify({ first, last }))
    })
  })
}
