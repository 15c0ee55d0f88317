import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { SimSiam } from '../../src/ssl/simsiam.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { array } from '../reference/array.js'
import { negativeCosine } from '../reference/cosine.js'
import { eager, runSteps, type TinyRun, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'

const tiny = (device: Device, options: Record<string, unknown> = {}, settings: Record<string, unknown> = {}): TinyRun =>
  tinyRun(device, { method: 'simsiam', projectorNorm: 'all', options: { predictorWidth: 4, ...options }, ...settings })

const methodOf = (run: TinyRun) => run.method as SimSiam

function noise(count: number, seed: number): Tensor {
  const generator = new Generator(seed)
  const values = Float32Array.from({ length: count * 192 }, () => generator.normal())
  return tensor(values, { shape: [count, 8, 8, 3] })
}

for (const { name, open } of devices) {
  describe(`ssl/simsiam on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('is ½·D(p₁, z₂) + ½·D(p₂, z₁), each view with batch statistics of its own', async () => {
      const method = methodOf(tiny(device))
      const views = [noise(6, 1), noise(6, 2)]
      const pairs = views.map(view => {
        const z = method.projector.forward(method.encoder.forward(view))
        return { z, p: method.predictor.forward(z) }
      })
      const values = async (x: Tensor) => array(x.shape, await x.data())
      const [first, second] = await Promise.all(
        pairs.map(async ({ z, p }) => ({ z: await values(z), p: await values(p) })),
      )
      const D = (p: { p: ReturnType<typeof array> }, z: { z: ReturnType<typeof array> }) =>
        negativeCosine.forward([p.p, z.z], undefined).data[0]!
      const { loss, embedding, positives } = method.loss(batchOf(...views))
      assert.ok(Math.abs((await loss.item()) - (D(first!, second!) + D(second!, first!)) / 2) < 1e-5)
      assert.deepEqual([embedding.shape, positives!.shape, method.chance()], [[6, 8], [6, 8], 0])
    })

    it('normalises the projections without scale and shift, as the official code does', () => {
      const names = methodOf(tiny(device))
        .projector.namedParameters()
        .map(([path]) => path)
      assert.deepEqual(names, [
        'layers.0.linear.weight',
        'layers.0.norm.gamma',
        'layers.0.norm.beta',
        'layers.1.linear.weight',
      ])
    })

    it('sends no gradient through its targets, unless it is told to', async () => {
      const gradientOf = async (stopGradient: boolean) => {
        const method = methodOf(tiny(device, { stopGradient }))
        const weight = method.encoder.parameters()[0]!
        return scope(() => gradients(method.loss(batchOf(noise(6, 1), noise(6, 2))).loss, [weight])[0]!).data()
      }
      const [stopped, whole] = [await gradientOf(true), await gradientOf(false)]
      const distance = Math.hypot(...[...stopped].map((value, i) => value - whole[i]!))
      assert.ok(distance > 0.1 * Math.hypot(...stopped), 'the way through the targets is a part of the gradient')
    })

    it("keeps the predictor's rate at its peak while the others' falls", () => {
      const [fixed, falling] = [tiny(device), tiny(device, { fixedPredictorRate: false })]
      const rates = ({ optimizer }: TinyRun) =>
        optimizer.groups.map(group => [group.name, group.rate({ learningRate: 0.25, step: 5 })])
      const peak = 0.06 * (8 / 256)
      assert.deepEqual(rates(fixed), [
        ['decay', 0.25],
        ['noDecay', 0.25],
        ['predictor./decay', peak],
        ['predictor./noDecay', peak],
      ])
      assert.deepEqual(rates(falling), [
        ['decay', 0.25],
        ['noDecay', 0.25],
      ])
    })

    it('is the same recorded and eager, and goes on from its tensors as if it had never stopped', async () => {
      const [whole, plain] = [tiny(device), tiny(eager(device))]
      for (const run of [whole, plain]) await runSteps(run, 0, 7)
      assert.deepEqual(await valuesOf(plain), await valuesOf(whole))
      const killed = tiny(device)
      await runSteps(killed, 0, 4)
      const saved = await readTensors(killed.state)
      const resumed = tiny(device)
      writeTensors(resumed.state, saved, 'memory')
      await runSteps(resumed, 4, 7)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })

    it('learns', async () => {
      const run = tiny(
        device,
        {},
        { optimizer: { learningRate: 2 }, views: { strength: 0.1, area: [0.5, 1] }, epochs: 20 },
      )
      await runSteps(run, 0, 60)
      const losses = (await run.step.metrics(60)).map(({ loss }) => loss)
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      const [first, last] = [mean(losses.slice(0, 10)), mean(losses.slice(-10))]
      assert.ok(last < first - 0.05 && first < 0.1, `loss ${first} → ${last}`)
    })
  })
}
