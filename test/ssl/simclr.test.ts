import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { splitBatchNorms } from '../../src/nn/batchNorm.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { ModelState } from '../../src/nn/state.js'
import { open } from '../../src/open.js'
import { l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { concat, split } from '../../src/ops/shape.js'
import { SimCLR } from '../../src/ssl/simclr.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { simclrView } from '../../src/views/presets.js'
import { structureOf } from '../../src/views/spec.js'
import { devices } from '../conformance/devices.js'
import { Flat, runSteps, tinyRun } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkRecording, checkResume, noise, Unchanged } from './runs.js'

const SIDE = 8
const view = simclrView({ size: SIDE, mean: [0.5], std: [0.25], strength: 0.5, blur: false })

for (const { name, open } of devices) {
  describe(`ssl/simclr on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function build(temperature: number, chunks = 1): SimCLR {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 8, generator: generator.split('encoder') })
      const projector = new MLP({ widths: [network.featureDimension, 64, 32], generator: generator.split('projector') })
      return new SimCLR(network, projector, { temperature, views: [view, view], chunks })
    }

    it('wants two views of the same kind, and its chance is log(2B − 1)', () => {
      const method = build(0.5)
      assert.deepEqual(method.views.structures, [structureOf(view), structureOf(view)])
      for (const batch of [1, 2, 256]) assert.equal(method.chance(batch), Math.log(2 * batch - 1))
    })

    it('starts near chance where the temperature is high, for views that have nothing in common', async () => {
      const [method, batch] = [build(20), 24]
      const { loss, embedding, positives } = method.loss(batchOf(noise(batch, 1), noise(batch, 2)))
      assert.deepEqual(
        [embedding.shape, positives!.shape],
        [
          [batch, 32],
          [batch, 32],
        ],
      )
      assert.ok(Math.abs((await loss.item()) - method.chance(batch)) < 0.05)
      const rows = await embedding.data()
      for (let row = 0; row < batch; row++) {
        assert.ok(Math.abs(Math.hypot(...rows.subarray(32 * row, 32 * row + 32)) - 1) < 1e-5)
      }
    })

    it('is at chance, whatever the temperature, where all images are the same', async () => {
      const batch = 12
      const generator = new Generator(1)
      const image = Array.from({ length: 48 }, () => generator.normal())
      const same = Float32Array.from({ length: batch * image.length }, (_, i) => image[i % image.length]!)
      const views = [same, same].map(values => tensor(values, { shape: [batch, 4, 4, 3] })) as [Tensor, Tensor]
      for (const temperature of [0.1, 0.5]) {
        // Without batch norm, which has no deviation to divide by here.
        const projector = new MLP({ widths: [6, 8], generator: new Generator(3) })
        const method = new SimCLR(new Flat(device), projector, { temperature, views: [view, view] })
        assert.ok(Math.abs((await method.loss(batchOf(...views)).loss.item()) - method.chance(batch)) < 1e-4)
      }
    })

    it('sees both views as one batch, so that their order does not matter', async () => {
      const [a, b] = [noise(6, 1), noise(6, 2)]
      const [one, other] = [build(0.5).loss(batchOf(a, b)).loss, build(0.5).loss(batchOf(b, a)).loss]
      assert.ok(Math.abs((await one.item()) - (await other.item())) < 1e-5)
    })

    it('sends a gradient to every parameter of encoder and projector', async () => {
      const method = build(0.5)
      const { parameters } = new ModelState(method.modules)
      const found = scope(() => gradients(method.loss(batchOf(noise(6, 1), noise(6, 2))).loss, parameters.tensors))
      for (const [i, { name }] of parameters.slots.entries()) {
        const values = await found[i]!.data()
        assert.ok(values.some(value => value !== 0) && values.every(Number.isFinite), `gradient of ${name}`)
      }
      const names = parameters.slots.map(({ name }) => name)
      assert.ok(names.some(name => name.startsWith('encoder.')) && names.some(name => name.startsWith('projector.')))
    })

    it('in four chunks of 16 has the gradients of one batch of 64 whose batch norms are split in four', async () => {
      const [images, chunks] = [32, 4]
      const [a, b] = [noise(images, 1), noise(images, 2)]
      const gradientsOf = async (loss: () => Tensor, { modules }: SimCLR) => {
        const state = new ModelState(modules)
        const found = scope(() => {
          const value = loss()
          return { value, gradients: gradients(value, state.parameters.tensors) }
        })
        const values = async (tensors: readonly Tensor[]) => Promise.all(tensors.map(tensor => tensor.data()))
        return {
          loss: await found.value.item(),
          gradients: await values(found.gradients),
          buffers: await values(state.buffers!.tensors),
        }
      }
      const chunked = build(0.5, chunks)
      const inParts = await gradientsOf(() => chunked.loss(batchOf(a, b)).loss, chunked)
      const direct = build(0.5)
      for (const module of Object.values(direct.modules)) splitBatchNorms(module, chunks)
      const whole = await gradientsOf(() => {
        // Both views of the first eight images, of the next eight, …
        const order = concat(
          split(a, chunks).flatMap((part, i) => [part, split(b, chunks)[i]!]),
          0,
        )
        const z = split(l2normalize(direct.projector.forward(direct.encoder.forward(order))), 2 * chunks)
        return ntXent(concat([...z.filter((_, i) => i % 2 === 0), ...z.filter((_, i) => i % 2 === 1)], 0), 0.5)
      }, direct)
      assert.ok(Math.abs(inParts.loss - whole.loss) < 1e-6 * whole.loss, `${inParts.loss} and ${whole.loss}`)
      for (const what of ['gradients', 'buffers'] as const) {
        for (const [i, expected] of whole[what].entries()) {
          const found = inParts[what][i]!
          const error = Math.hypot(...expected.map((value, at) => found[at]! - value))
          assert.ok(error <= 1e-5 * Math.hypot(...expected), `${what} ${i}: off by ${error}`)
        }
      }
    })

    it('in chunks tells the same images in the same order', async () => {
      const pictures = [1, 2].map(seed => noise(6, seed))
      const projector = new MLP({ widths: [64, 8], generator: new Generator(3) })
      const encoder = new Unchanged(64, device)
      const outputs = [1, 3].map(chunks => {
        const method = new SimCLR(encoder, projector, { temperature: 0.5, views: [view, view], chunks })
        return method.loss(batchOf(...pictures))
      })
      for (const what of ['embedding', 'positives', 'features'] as const) {
        const [whole, parts] = await Promise.all(outputs.map(output => output[what]!.data()))
        assert.deepEqual(parts, whole, what)
      }
    })

    it('in chunks is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      const settings = { options: { chunks: 2 } }
      await checkRecording(device, settings)
      await checkResume(device, settings)
    })

    it('refuses chunks that do not divide the batch, and a head of which nothing would be left', () => {
      const refuses = (options: object, message: RegExp) =>
        assert.throws(
          () => tinyRun(device, { options }),
          (error: unknown) => error instanceof ConfigError && message.test(error.message),
        )
      refuses({ chunks: 3 }, /^options.chunks: wants a divisor of the batch of 8, got 3$/)
      refuses({ keptLayers: 2 }, /^options.keptLayers: wants fewer than the 2 layers of the projector, got 2$/)
    })

    it('learns: the loss of a tiny set falls well below that of its first steps', async () => {
      const run = tinyRun(device, {
        optimizer: { learningRate: 1 },
        schedule: { form: 'constant' },
        views: { strength: 0.1, area: [0.5, 1] },
      })
      await runSteps(run, 0, 60)
      const losses = (await run.step.metrics(60)).map(({ loss }) => loss)
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      const [first, last] = [mean(losses.slice(0, 10)), mean(losses.slice(-10))]
      assert.ok(last < 0.9 * first, `loss ${first} → ${last}`)
    })
  })
}

describe('ssl/simclr: memory', () => {
  let device: Device

  // The same pool and launches as elsewhere, where they take seconds and not a minute.
  before(async () => {
    device = await open({ device: 'cpu' })
  })

  after(() => device.close())

  it('in sixteen chunks needs little more memory for sixteen times the batch', async () => {
    const peakOf = async (batch: number, chunks: number) => {
      const run = tinyRun(device, { batch, width: 32, options: { chunks }, side: 16 })
      await device.settle()
      device.resetPeak()
      const { live } = device.memory()
      await runSteps(run, 0, 1)
      await device.settle()
      run.step.dispose()
      return device.memory().peak - live
    }
    const [one, sixteen] = [await peakOf(32, 1), await peakOf(512, 16)]
    assert.ok(sixteen <= 1.3 * one, `${sixteen} bytes instead of ${one}`)
  })
})
