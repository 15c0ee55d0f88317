import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { ModelState } from '../../src/nn/state.js'
import { concat } from '../../src/ops/shape.js'
import { Exemplar, SurrogateClasses } from '../../src/ssl/exemplar.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { independentViews } from '../../src/views/plan.js'
import { wholeView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { tinyRun } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'
import { everyParameterLearns, noiseViews, resumesBitForBit } from './surrogate.js'

const SIDE = 8
const BATCH = 6
const CLASSES = 70

for (const { name, open } of devices) {
  describe(`ssl/exemplar on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(streamed: boolean): Exemplar {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 8, generator: generator.split('encoder') })
      const classes = new SurrogateClasses(CLASSES, network.featureDimension, { generator, device })
      const view = wholeView({ size: SIDE, mean: [0.5], std: [0.25] })
      return new Exemplar(network, classes, { views: independentViews([view]), streamed })
    }

    const batch = () => batchOf(...noiseViews(1, BATCH, SIDE, device))

    it('has a class for each of N patches, and asks nothing of other images', () => {
      const method = build(false)
      assert.equal(method.chance(), Math.log(CLASSES))
      assert.equal(method.heldOut, undefined)
      assert.deepEqual([method.metricNames, build(true).metricNames], [['accuracy'], []])
    })

    it('is at chance where the classes have no weights, and takes the first of them', async () => {
      for (const streamed of [false, true]) {
        const method = build(streamed)
        method.classes.weight.write(new Float32Array(method.classes.weight.size))
        const { loss, metrics } = method.loss(batch())
        assert.ok(Math.abs((await loss.item()) - Math.log(CLASSES)) < 1e-5)
        // The images are numbers 0 … 5, and number 0 is its class.
        if (metrics) assert.ok(Math.abs((await metrics.accuracy!.item()) - 1 / BATCH) < 1e-6)
      }
    })

    it('is the cross-entropy of the number of the patch: by hand', async () => {
      const log3 = Math.log(3)
      for (const streamed of [false, true]) {
        const encoder = new Unchanged(2, device)
        const classes = new SurrogateClasses(3, 2, { generator: new Generator(3), device })
        classes.weight.write(Float32Array.of(1, 0, 0, 1, 1, 1))
        classes.bias.write(Float32Array.of(0, 0, -log3))
        const views = independentViews([wholeView({ size: SIDE, mean: [0.5], std: [0.25] })])
        const method = new Exemplar(encoder, classes, { views, streamed })
        const view = tensor(
          [
            [log3, 0],
            [0, 0],
          ],
          { device },
        )
        const indices = tensor(Int32Array.of(2, 0), { device })
        const { loss, metrics } = method.loss({ views: [view], indices, labels: indices })
        // Logits log 3, 0, 0 of patch 2, and 0, 0, −log 3 of patch 0: probabilities 1/5 and 3/7.
        assert.ok(Math.abs((await loss.item()) - (Math.log(5) + Math.log(7 / 3)) / 2) < 1e-5)
        // The first is taken for class 0, and so is the second, rightly.
        if (metrics) assert.equal(await metrics.accuracy!.item(), 0.5)
      }
    })

    it('streamed has the loss and the gradients of the logits that it never makes', async () => {
      const outcome = async (streamed: boolean) => {
        const method = build(streamed)
        const { parameters } = new ModelState(method.modules)
        const { loss, found } = scope(() => {
          const { loss } = method.loss(batch())
          return { loss, found: gradients(loss, parameters.tensors) }
        })
        return { loss: await loss.item(), found: await Promise.all(found.map(tensor => tensor.data())), parameters }
      }
      const [plain, streamed] = [await outcome(false), await outcome(true)]
      assert.ok(Math.abs(plain.loss - streamed.loss) < 1e-5 * plain.loss)
      plain.parameters.slots.forEach(({ name }, i) => {
        const [wanted, got] = [plain.found[i]!, streamed.found[i]!]
        const error = Math.hypot(...wanted.map((value, k) => value - got[k]!))
        assert.ok(error <= 1e-4 * Math.hypot(...wanted), `gradient of ${name}: off by ${error}`)
      })
    })

    for (const streamed of [false, true]) {
      const how = streamed ? 'streamed' : 'with logits'
      it(`sends a gradient to every parameter, ${how}`, () => everyParameterLearns(build(streamed), batch()))

      it(`goes on as if it had never stopped, ${how}`, () =>
        resumesBitForBit(device, {
          method: 'exemplar',
          side: 12,
          options: { classes: 40, patch: 8, extent: 0.8, streamed },
        }))
    }

    it('learns which patch is which', async () => {
      const options = { classes: 16, patch: 8, extent: 1 }
      const run = tinyRun(device, {
        method: 'exemplar',
        side: 12,
        options,
        optimizer: { name: 'adamw', learningRate: 0.2, weightDecay: 0 },
        schedule: { form: 'constant' },
      })
      assert.equal(run.step.metricNames.includes('accuracy'), true)
      for (let k = 0; k < 80; k++) await run.step.run(k)
      const metrics = await run.step.metrics(80)
      const mean = (rows: typeof metrics) => rows.reduce((sum, { loss }) => sum + loss, 0) / rows.length
      const [first, last] = [mean(metrics.slice(0, 10)), mean(metrics.slice(-10))]
      assert.ok(last < first - 0.5 && last < Math.log(16), `loss ${first} → ${last}`)
    })

    it('evaluates an Exemplar net on images that are larger than its patches', async () => {
      const options = { classes: 40, patch: 8, extent: 0.8 }
      const { method, step } = tinyRun(device, { method: 'exemplar', side: 12, encoder: 'exemplar-medium', options })
      await step.run(0)
      const network = method.encoder as ReturnType<typeof encoder<'exemplar-medium'>>
      assert.equal(network.imageSize, 8)
      const images = noiseViews(3, 2, 12, device)
      const features = scope(() => network.evaluationFeatures(concat(images, 3)))
      assert.deepEqual(features.shape, [2, 4 * (4 + 8 + 16)])
    })
  })
}
