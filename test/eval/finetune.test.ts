import assert from 'node:assert/strict'
import type { Dataset } from '../../src/data/dataset.js'
import { keepLabels, sampler } from '../../src/data/sampler.js'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DataError, NumericError } from '../../src/device/errors.js'
import { cropAndFlip, type FinetuneOptions, finetune } from '../../src/eval/finetune.js'
import { encoder as buildEncoder } from '../../src/nn/encoders.js'
import { Generator } from '../../src/tensor/philox.js'
import { simclrView } from '../../src/views/presets.js'
import type { ViewSpec } from '../../src/views/spec.js'
import { devices } from '../conformance/devices.js'
import { eager, Flat } from '../train/tiny.js'

const SIDE = 4
const PIXELS = 3 * SIDE * SIDE
const STATISTICS = { mean: [0.5, 0.4, 0.6], std: [0.25, 0.3, 0.2] }

/** The whole image, as it is. */
const plainView: ViewSpec = {
  height: SIDE,
  width: SIDE,
  interpolation: 'bilinear',
  padding: 'border',
  flip: 0,
  rotation: 0,
  greyscale: 0,
  normalise: STATISTICS,
}

/** Noise whose red, green or blue is brighter: the class. */
function colours(count: number, seed: number): Dataset {
  const random = new Generator(seed)
  const labels = Int32Array.from({ length: count }, () => random.integer(3))
  return {
    name: 'colours',
    source: 'colours',
    height: SIDE,
    width: SIDE,
    channels: 3,
    count,
    labels,
    classes: ['red', 'green', 'blue'],
    images: Uint8Array.from({ length: count * PIXELS }, (_, at) => {
      const isBright = at % 3 === labels[Math.floor(at / PIXELS)]
      return random.uniform(0, 200) + (isBright ? 55 : 0)
    }),
  }
}

/** Images as the encoder sees them, without a view. */
function inputsOf({ images, count }: Dataset): number[][] {
  return Array.from({ length: count }, (_, i) =>
    Array.from(images.subarray(i * PIXELS, (i + 1) * PIXELS), (byte, at) => {
      return (byte / 255 - STATISTICS.mean[at % 3]!) / STATISTICS.std[at % 3]!
    }),
  )
}

const product = (a: number[][], b: number[][]) =>
  a.map(row => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)))
const transposed = (a: number[][]) => a[0]!.map((_, j) => a.map(row => row[j]!))

/** A matrix under momentum 0.9 with Nesterov's step. */
class Nesterov {
  private velocity: number[][]
  constructor(public value: number[][]) {
    this.velocity = value.map(row => row.map(() => 0))
  }
  step(gradient: number[][], rate: number): void {
    this.velocity = this.velocity.map((row, i) => row.map((v, j) => 0.9 * v + gradient[i]![j]!))
    this.value = this.value.map((row, i) =>
      row.map((w, j) => w - rate * (gradient[i]![j]! + 0.9 * this.velocity[i]![j]!)),
    )
  }
}

/** Fine-tuning of a linear encoder again, in float64. */
function plainFinetune(weight: number[][], train: Dataset, test: Dataset, batch: number, epochs: number, seed: number) {
  const encoder = new Nesterov(weight)
  const head = new Nesterov(weight[0]!.map(() => [0, 0, 0]))
  const bias = new Nesterov([[0, 0, 0]])
  const logitsOf = (x: number[][]) =>
    product(product(x, encoder.value), head.value).map(row => row.map((v, c) => v + bias.value[0]![c]!))
  const order = sampler({ count: train.count, batch, seed })
  const steps = epochs * order.stepsPerEpoch
  const inputs = inputsOf(train)
  let loss = 0
  for (let step = 0; step < steps; step++) {
    const chosen = [...order.indices(step)]
    const x = chosen.map(i => inputs[i]!)
    const residual = logitsOf(x).map((row, i) => {
      const total = row.reduce((sum, v) => sum + Math.exp(v), 0)
      return row.map((v, c) => (Math.exp(v) / total - Number(c === train.labels![chosen[i]!])) / batch)
    })
    loss = logitsOf(x).reduce((sum, row, i) => {
      const total = row.reduce((all, v) => all + Math.exp(v), 0)
      return sum - (row[train.labels![chosen[i]!]!]! - Math.log(total)) / batch
    }, 0)
    const features = product(x, encoder.value)
    const rate = ((0.8 * batch) / 256) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps))
    const gradients = [
      product(transposed(x), product(residual, transposed(head.value))),
      product(transposed(features), residual),
      [transposed(residual).map(column => column.reduce((sum, v) => sum + v, 0))],
    ]
    ;[encoder, head, bias].forEach((each, k) => {
      each.step(gradients[k]!, rate)
    })
  }
  const hits = logitsOf(inputsOf(test)).filter((row, i) => row.indexOf(Math.max(...row)) === test.labels![i])
  return { loss, accuracy: hits.length / test.count, weight: encoder.value }
}

describe('cropAndFlip', () => {
  it('keeps the geometry of a view and drops all else', () => {
    const view = simclrView({ size: 8, ...STATISTICS, strength: 1, blur: true })
    const { height, width, crop, interpolation, padding, flip, normalise } = view
    assert.deepEqual(cropAndFlip({ ...view, rotation: 0.3, solarise: { probability: 1, threshold: 0.5 } }), {
      height,
      width,
      crop,
      interpolation,
      padding,
      flip,
      normalise,
      rotation: 0,
      greyscale: 0,
    })
  })
})

for (const { name, open } of devices) {
  describe(`finetune on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    const optionsOf = (changed: Partial<FinetuneOptions> = {}): FinetuneOptions => {
      return { device, ...STATISTICS, view: plainView, labels: { count: 24 }, ...changed }
    }

    it('follows the rule step by step, encoder and head', async () => {
      const [train, test] = [colours(24, 1), colours(40, 2)]
      const encoder = new Flat(device)
      const before = await encoder.weight.data()
      const weight = Array.from({ length: PIXELS }, (_, i) => [...before.subarray(6 * i, 6 * i + 6)])
      const expected = plainFinetune(weight, train, test, 8, 10, 3)
      const options = optionsOf({ batch: 8, epochs: 10, learningRate: 0.8, seed: 3 })
      const found = await finetune(encoder, train, test, options)
      assert.deepEqual([found.labels, found.batch, found.epochs, found.steps], [24, 8, 10, 30])
      assert.ok(Math.abs(found.loss - expected.loss) < 1e-4, `loss ${found.loss}, wanted ${expected.loss}`)
      assert.ok(Math.abs(found.accuracy - expected.accuracy) < 1e-12)
      assert.ok(expected.accuracy > 0.6, 'it has learnt something that could be missed')
      const after = await encoder.weight.data()
      expected.weight.flat().forEach((value, i) => {
        assert.ok(Math.abs(after[i]! - value) < 1e-4, `weight ${i}: ${after[i]}, wanted ${value}`)
      })
      encoder.dispose()
    })

    it('learns from the labels that are kept alone, and gives its memory back', async () => {
      const [train, test] = [colours(40, 4), colours(20, 5)]
      const kept = keepLabels(train.labels!, { count: 12 }, 7)
      const options = optionsOf({ labels: { count: 12 }, epochs: 5, seed: 7 })
      const encoder = new Flat(device)
      const buffers = device.memory().buffers
      const progress: number[][] = []
      const found = await finetune(encoder, train, test, { ...options, onProgress: (...at) => progress.push(at) })
      assert.deepEqual([found.labels, found.steps], [12, 5])
      assert.deepEqual([progress.length, progress.at(-1)], [5, [5, 5]])
      encoder.dispose()
      const again = new Flat(device)
      // What was dropped is not even there: the same images, the same bits.
      assert.deepEqual(await finetune(again, { ...train, labels: kept }, test, options), found)
      again.dispose()
      assert.equal(device.memory().buffers, buffers - 1)
    })

    it('is the same recorded and eager, with batch norm and drawn views, and again', async () => {
      const [train, test] = [colours(24, 6), colours(12, 7)]
      const view = cropAndFlip(simclrView({ size: SIDE, ...STATISTICS, strength: 1, blur: true }))
      const results = []
      for (const on of [device, eager(device), device]) {
        const generator = new Generator(3)
        const encoder = buildEncoder('resnet8', {
          inputChannels: 3,
          imageSize: SIDE,
          stem: 'cifar',
          width: 4,
          generator,
          device,
        })
        const before = encoder.namedBuffers().find(([path]) => path.endsWith('runningMean'))![1]
        const mean = [...(await before.data())]
        const { accuracy } = await finetune(encoder, train, test, optionsOf({ device: on, view, batch: 8, epochs: 2 }))
        assert.notDeepEqual([...(await before.data())], mean, 'running statistics move')
        results.push({ accuracy, state: await encoder.stateDict() })
        encoder.dispose()
      }
      assert.deepEqual(results[1], results[0])
      assert.deepEqual(results[2], results[0])
    })

    it('goes on for 500 steps where the published epochs are fewer', async () => {
      const encoder = new Flat(device)
      const { steps, epochs, batch } = await finetune(
        encoder,
        colours(9, 8),
        colours(3, 9),
        optionsOf({ labels: { share: 1 } }),
      )
      assert.deepEqual([steps, epochs, batch], [500, 500, 9])
      encoder.dispose()
    })

    it('refuses what cannot be learnt from', async () => {
      const [train, test] = [colours(24, 6), colours(12, 7)]
      const encoder = new Flat(device)
      const run = (changed: Partial<FinetuneOptions>, tested = test) =>
        finetune(encoder, train, tested, optionsOf(changed))
      await assert.rejects(run({ labels: { count: 25 } }), ConfigError)
      await assert.rejects(run({ labels: { count: 1 } }), /at least 2 images in a batch, got 1 of 1 labelled ones/)
      await assert.rejects(run({ batch: 1 }), ConfigError)
      await assert.rejects(run({ epochs: 0 }), ConfigError)
      await assert.rejects(run({ learningRate: 0 }), ConfigError)
      await assert.rejects(run({}, { ...test, classes: ['a', 'b'] }), DataError)
      await assert.rejects(run({ epochs: 40, learningRate: 1e30 }), NumericError)
      encoder.dispose()
    })
  })
}
