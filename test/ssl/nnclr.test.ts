import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { MLP } from '../../src/nn/mlp.js'
import { NNCLR } from '../../src/ssl/nnclr.js'
import { Queue } from '../../src/ssl/queue.js'
import { ones, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { BATCH } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = (queue: number) => ({
  method: 'nnclr',
  options: { temperature: 0.5, queue, predictorWidth: 8 },
  projector: [8, 6],
})

for (const { name, open } of devices) {
  describe(`ssl/nnclr on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const identity = () => {
      return {
        encoder: new Unchanged(2, device),
        projector: new Unchanged(2, device),
        predictor: new Unchanged(2, device),
      }
    }
    const queueOf = (size: number, rows: number, pageBytes?: number) =>
      new Queue({
        size,
        dimension: 2,
        rows,
        generator: new Generator(1),
        device,
        ...(pageBytes !== undefined && { pageBytes }),
      })

    for (const pageBytes of [undefined, 16]) {
      it(`follows a hand-written trace of neighbours and support set${pageBytes ? ', on two pages' : ''}`, async () => {
        const queue = queueOf(3, 2, pageBytes)
        const method = new NNCLR(identity(), queue, { temperature: 0.5, views: [view, view] })
        const place = async () => {
          const pages = await Promise.all(queue.pages.map(page => page.data()))
          return pages.flatMap(page => [...page])
        }
        const write = (rows: number[]) => {
          let at = 0
          for (const page of queue.pages) {
            page.write(Float32Array.from(rows.slice(at, at + page.size)))
            at += page.size
          }
        }
        const step = async (k: number, first: number[][], second: number[][]) => {
          method.prepare(k)
          const views = [first, second].map(rows => tensor(rows, { shape: [2, 1, 1, 2], device }))
          const loss = scope(() => {
            const { loss } = method.loss(batchOf(...(views as [Tensor, Tensor])))
            method.afterStep()
            return loss
          })
          return loss.item()
        }
        const near = (found: number, expected: number) => assert.ok(Math.abs(found - expected) < 1e-5, `${found}`)
        const [right, up, left] = [
          [1, 0],
          [0, 1],
          [-1, 0],
        ]
        write([...right, ...up, ...left].map(Number))
        // Found are right and up, from (2, 0.2) and (0.1, 1) as from the second view; predictions are right and up.
        // Each query has its own prediction at similarity 1 / T = 2, and the other at 0.
        const first = [
          [2, 0.2],
          [0.1, 1],
        ]
        const aligned = Math.log(Math.exp(2) + 1) - 2
        // In the other direction the predictions are the first view's, of length 1.
        const [long, short] = [Math.hypot(2, 0.2), Math.hypot(0.1, 1)]
        const cost = (own: number, other: number) => Math.log(Math.exp(2 * own) + Math.exp(2 * other)) - 2 * own
        const back = (cost(2 / long, 0.1 / short) + cost(1 / short, 0.2 / long)) / 2
        near(await step(0, first, [right, up]), (aligned + back) / 2)
        // The first view's embeddings are in rows 0 and 1, and left is still there.
        const rows = await place()
        const expected = [2 / long, 0.2 / long, 0.1 / short, 1 / short, -1, 0]
        expected.forEach((value, i) => {
          near(rows[i]!, value)
        })
        // Step 1 fills rows 2 and 0: up goes over left, and left over the row of step 0.
        await step(1, [up, left], [up, left])
        const wrapped = await place()
        for (const [i, value] of [-1, 0, 0.1 / short, 1 / short, 0, 1].entries()) near(wrapped[i]!, value)
      })
    }

    it('is at chance, log B, where all images have the same embedding', async () => {
      const method = new NNCLR(identity(), queueOf(8, 5), { temperature: 0.1, views: [view, view] })
      const same = ones([5, 1, 1, 2], { device })
      assert.equal(method.chance(5), Math.log(5))
      assert.ok(Math.abs((await method.loss(batchOf(same, same)).loss.item()) - method.chance(5)) < 1e-4)
    })

    it('sends a gradient to every parameter of encoder, projector and predictor', async () => {
      const generator = new Generator(3)
      const network = encoder('resnet8', { inputChannels: 1, width: 4, generator: generator.split('encoder') })
      const networks = {
        encoder: network,
        projector: new MLP({ widths: [network.featureDimension, 16, 12], generator: generator.split('projector') }),
        predictor: new MLP({ widths: [12, 16, 12], generator: generator.split('predictor') }),
      }
      const queue = new Queue({ size: 20, dimension: 12, rows: 6, generator, device })
      const method = new NNCLR(networks, queue, { temperature: 0.5, views: [view, view] })
      await checkGradients(method, batchOf(noise(6, 1), noise(6, 2)))
    })

    // A queue that the batch does not divide, and one that is shorter than a batch.
    for (const queue of [20, BATCH - 3]) {
      it(`is the same recorded, and goes on from a checkpoint with the same bits, queue ${queue}`, async () => {
        await checkRecording(device, settings(queue))
        await checkResume(device, settings(queue))
      })
    }

    it('learns', () => checkLearning(device, { ...settings(20), optimizer: { learningRate: 1 } }))
  })
}
