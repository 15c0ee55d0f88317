import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { MemoryBank } from '../../src/ssl/memoryBank.js'
import { NPID } from '../../src/ssl/npid.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { COUNT, runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'

for (const { name, open } of devices) {
  describe(`ssl/npid on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function npid(options = {}) {
      const run = tinyRun(device, { method: 'npid', projector: [8], options })
      return { run, method: run.method as NPID }
    }

    const int32 = (...values: number[]) => tensor(Int32Array.from(values), { dtype: 'int32', device })

    it('moves the rows of a batch, and no others, by the momentum of the bank, and makes them length 1', async () => {
      const bank = new MemoryBank({
        size: 5,
        dimension: 2,
        momentum: 0.5,
        generator: new Generator(1),
        device,
        pageBytes: 16,
      })
      assert.deepEqual(
        bank.pages.map(({ shape }) => shape[0]),
        [2, 2, 1],
      )
      const rows = async () => {
        const values = [...(await bank.rows(int32(0, 1, 2, 3, 4)).data())]
        return [0, 1, 2, 3, 4].map(i => values.slice(2 * i, 2 * i + 2))
      }
      let expected = await rows()
      const bound = 1 / Math.sqrt(2 / 3)
      for (const value of expected.flat()) assert.ok(Math.abs(value) <= bound)
      const steps: { indices: [number, number]; z: [number, number][] }[] = [
        {
          indices: [3, 0],
          z: [
            [1, 0],
            [0, 1],
          ],
        },
        {
          indices: [4, 3],
          z: [
            [0.6, 0.8],
            [0, -1],
          ],
        },
      ]
      for (const { indices, z } of steps) {
        bank.update(int32(...indices), tensor(z, { device }))
        expected = expected.map((row, i) => {
          const k = indices.indexOf(i)
          if (k < 0) return row
          const moved = row.map((value, d) => 0.5 * value + 0.5 * z[k]![d]!)
          return moved.map(value => value / Math.hypot(...moved))
        })
        const found = await rows()
        expected.flat().forEach((value, i) => {
          assert.ok(Math.abs(found.flat()[i]! - value) < 1e-6)
        })
      }
    })

    it('is at log N where the temperature is high, with the full softmax', async () => {
      const { run, method } = npid({ temperature: 100 })
      assert.equal(method.chance(), Math.log(COUNT))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - Math.log(COUNT)) < 0.05)
    })

    /** NPID whose embeddings are the rows that it is shown, divided by their lengths, and a bank of such rows. */
    function byHand(bank: number[][], options: { temperature: number; negatives: number; proximal?: number }) {
      const [size, dimension] = [bank.length, bank[0]!.length]
      const rows = new MemoryBank({ size, dimension, momentum: 0.5, generator: new Generator(1), device })
      rows.pages[0]!.write(Float32Array.from(bank.flat()))
      const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
      const networks = [new Unchanged(dimension, device), new Unchanged(dimension, device)] as const
      const method = new NPID(...networks, rows, new Generator(2), { proximal: 0, view, ...options })
      const logZ = async () => (await new Map(method.state()).get('logNormaliser')!.item()) as number
      return { method, networks, logZ }
    }

    const near = (actual: number, expected: number, what: string) =>
      assert.ok(Math.abs(actual - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${what}: ${actual}`)

    it('keeps the Z of its first batch: by hand, where all rows of the bank are the same', async () => {
      const [own, right] = [
        [1, 0, 0],
        [0, 1, 0],
      ]
      const { method, logZ } = byHand([own, own, own, own], { temperature: 0.5, negatives: 3 })
      const step = async (k: number, rows: number[][]) => {
        method.prepare(k)
        const value = await method.loss(batchOf(tensor(rows, { device }))).loss.item()
        method.afterStep()
        return value
      }
      // Similarities 1 and 0 at T = 1/2: Z = 4 · (e² + 1) / 2.
      const z = 2 * (Math.exp(2) + 1)
      const loss = await step(0, [own, right])
      near(await logZ(), Math.log(z), 'log Z')
      // m·Pn = 3/4; of an image as likely as its negatives.
      const term = (p: number) => -Math.log(p / (p + 0.75)) - 3 * Math.log(0.75 / (p + 0.75))
      near(loss, (term(Math.exp(2) / z) + term(1 / z)) / 2, 'loss')
      for (const k of [1, 2, 3]) {
        assert.ok(Number.isFinite(await step(k, [right, own])))
        near(await logZ(), Math.log(z), `log Z after step ${k}`)
      }
    })

    it('has a finite loss and gradient at a temperature of 0.01, of zero vectors, of one image, where exp overflows', async () => {
      for (const rows of [
        [[1, 0]],
        [[0, 0]],
        [
          [1, 0],
          [0, 0],
        ],
      ]) {
        for (const negatives of [0, 2]) {
          const options = { temperature: 0.01, negatives, proximal: 1 }
          const { method, networks, logZ } = byHand(
            [
              [1, 0],
              [1, 0],
              [0.6, 0.8],
            ],
            options,
          )
          method.prepare(0)
          const [loss, ...found] = scope(() => {
            const { loss } = method.loss(batchOf(tensor(rows, { device })))
            return [
              loss,
              ...gradients(
                loss,
                networks.map(({ weight }) => weight),
              ),
            ]
          })
          assert.ok(Number.isFinite(await loss!.item()))
          for (const each of found) assert.ok((await each.data()).every(Number.isFinite))
          assert.ok(Number.isFinite(await logZ()))
        }
      }
    })

    it('adds λ · the squared distance to where an image was', async () => {
      const bank = [
        [1, 0],
        [0, 1],
      ]
      const value = async (proximal: number) => {
        const { method } = byHand(bank, { temperature: 0.5, negatives: 0, proximal })
        return method
          .loss(
            batchOf(
              tensor(
                [
                  [0.6, 0.8],
                  [0, 1],
                ],
                { device },
              ),
            ),
          )
          .loss.item()
      }
      // ‖(0.6, 0.8) − (1, 0)‖² = 0.8, and nothing: 0.4 on average.
      near((await value(30)) - (await value(0)), 12, 'the term')
    })

    it('estimates Z from the first batch once, and then is near chance with noise-contrastive estimation', async () => {
      const { run, method } = npid({ temperature: 100, negatives: 16 })
      const z = async () => Math.exp((await run.state.get('method.logNormaliser')!.item()) as number)
      await runSteps(run, 0, 1)
      const estimated = await z()
      assert.ok(Math.abs(estimated / COUNT - 1) < 0.05, `Z ${estimated}`)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - method.chance()) < 0.05, `loss ${first!.loss}, chance ${method.chance()}`)
      await runSteps(run, 1, 4)
      assert.equal(await z(), estimated)
    })

    it('pulls embeddings to where they were with the proximal term', async () => {
      const distance = async (proximal: number) => {
        const { run } = npid({ temperature: 1, proximal })
        await runSteps(run, 0, 9)
        const { embedding, positives } = (await run.step.embeddings())!
        return embedding.reduce((sum, value, i) => sum + (value - positives![i]!) ** 2, 0)
      }
      assert.ok((await distance(30)) < (await distance(0)))
    })

    for (const options of [{}, { negatives: 12 }]) {
      it(`goes on as if never stopped, with its bank, ${JSON.stringify(options)}`, async () => {
        const whole = npid(options).run
        await runSteps(whole, 0, 6)
        const killed = npid(options).run
        await runSteps(killed, 0, 4)
        const resumed = npid(options).run
        writeTensors(resumed.state, await readTensors(killed.state), 'memory')
        await runSteps(resumed, 4, 6)
        assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
      })
    }
  })
}
