import assert from 'node:assert/strict'
import { type Dataset, datasetStatistics } from '../../src/data/dataset.js'
import type { Device } from '../../src/device/device.js'
import { Module } from '../../src/nn/module.js'
import { cast } from '../../src/ops/cast.js'
import { add, mul } from '../../src/ops/elementwise.js'
import { mean } from '../../src/ops/reduce.js'
import { type Batch, type Encoder, Method, type MethodOutput } from '../../src/ssl/method.js'
import { full } from '../../src/tensor/create.js'
import type { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { pretextAccuracy } from '../../src/train/pretext.js'
import { drawView, type Size } from '../../src/views/draw.js'
import { independentViews, type ViewPlan } from '../../src/views/plan.js'
import { structureOf, type ViewSpec } from '../../src/views/spec.js'
import { devices } from '../conformance/devices.js'
import { pictures } from './tiny.js'

const SIDE = 4

class Whole extends Module implements Encoder {
  readonly featureDimension = 3

  forward(x: Tensor): Tensor {
    return mean(x, [1, 2])
  }
}

/** A view of the whole image as it is, whose target is ten times the image's place in the draw plus the view's. */
function numbered(spec: ViewSpec): ViewPlan {
  return {
    structures: [structureOf(spec)],
    targetsPerImage: 2,
    draw(generator: Generator, count: number, source: Size) {
      const targets = Int32Array.from({ length: 2 * count }, (_, i) => 10 * (i >> 1) + (i % 2))
      return { parameters: [drawView(spec, generator, count, source)], targets }
    },
  }
}

/** Its metric is the mean of what it was given of each image, which an accuracy is too. */
class Means extends Method {
  readonly name = 'means'
  readonly views: ViewPlan
  override readonly heldOut: ViewPlan | undefined
  override readonly metricNames = ['accuracy']
  readonly encoder = new Whole()
  readonly modules = { encoder: this.encoder }
  readonly modes: string[] = []

  constructor(
    spec: ViewSpec,
    asked: boolean,
    readonly what: (batch: Batch) => Tensor,
  ) {
    super()
    this.views = independentViews([spec])
    this.heldOut = asked ? numbered(spec) : undefined
  }

  loss(batch: Batch): MethodOutput {
    this.modes.push(this.encoder.mode)
    const embedding = this.encoder.forward(batch.views[0]!)
    return { loss: mean(embedding), embedding, metrics: { accuracy: this.what(batch) } }
  }

  chance(): number {
    return 0
  }
}

for (const { name, open } of devices) {
  describe(`train/pretext on ${name}: a task asked of held-out images`, () => {
    let device: Device
    let test: Dataset
    let spec: ViewSpec

    before(async () => {
      device = await open()
      test = pictures(SIDE, 11)
      const { mean, std } = datasetStatistics(test)
      spec = {
        height: SIDE,
        width: SIDE,
        interpolation: 'bilinear',
        padding: 'zeros',
        flip: 0,
        rotation: 0,
        greyscale: 0,
        normalise: { mean, std },
      }
    })

    after(() => device.close())

    const over = (batch: number, what: (batch: Batch) => Tensor) =>
      pretextAccuracy(new Means(spec, true, what), test, { device, batch })

    for (const batch of [1, 4, 11, 64]) {
      it(`asks of each of 11 images once, in batches of ${batch}, with its own index, label, target and view`, async () => {
        assert.ok(Math.abs((await over(batch, ({ indices }) => mean(cast(indices, 'float32')))) - 5) < 1e-5)
        const labels = await over(batch, ({ labels }) => mean(cast(labels, 'float32')))
        assert.ok(Math.abs(labels - (3 + 3 + 6 + 6 - 3) / 11) < 1e-5, `labels 0 1 2 3 0 1 2 3 0 1 2, got ${labels}`)
        const targets = await over(batch, ({ targets }) => mean(cast(targets!, 'float32')))
        assert.ok(Math.abs(targets - 50.5) < 1e-4, `targets [10 i, 10 i + 1], got ${targets}`)
        // The mean over all normalised images is 0; weighted by their number it is 0 only with the right view of each.
        assert.ok(Math.abs(await over(batch, ({ views }) => mean(views[0]!))) < 1e-5)
        const weighted = await over(batch, ({ views, indices }) => {
          const weights = add(cast(indices, 'float32'), full([1], 1, { device }))
          return mean(mul(mean(views[0]!, [1, 2, 3]), weights))
        })
        assert.ok(Math.abs(weighted - weightedMean(test)) < 1e-4, `${weighted}, not ${weightedMean(test)}`)
      })
    }

    it('has the modules in inference mode for it, and in training mode afterwards', async () => {
      const method = new Means(spec, true, ({ views }) => mean(views[0]!))
      await pretextAccuracy(method, test, { device, batch: 4 })
      assert.deepEqual(new Set(method.modes), new Set(['inference']))
      assert.equal(method.encoder.mode, 'update')
    })

    it('gives back what it made', async () => {
      await device.settle()
      const { buffers } = device.memory()
      await over(4, ({ views }) => mean(views[0]!))
      await device.settle()
      assert.equal(device.memory().buffers, buffers)
    })

    it('is refused where the task is about the training images', async () => {
      const method = new Means(spec, false, ({ views }) => mean(views[0]!))
      await assert.rejects(pretextAccuracy(method, test, { device, batch: 4 }), {
        name: 'ConfigError',
        message: 'means: its task is about the images trained on; there is no accuracy on others',
      })
    })
  })
}

/** The mean over images of (number + 1) times the mean of the normalised image. */
function weightedMean(test: Dataset): number {
  const { mean, std } = datasetStatistics(test)
  const each = test.images.length / test.count
  return test.images.reduce((sum, byte, at) => {
    const value = (byte / 255 - mean[at % 3]!) / std[at % 3]!
    return sum + ((Math.floor(at / each) + 1) * value) / test.images.length
  }, 0)
}
