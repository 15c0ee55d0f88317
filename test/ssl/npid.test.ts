import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { MemoryBank } from '../../src/ssl/memoryBank.js'
import type { NPID } from '../../src/ssl/npid.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { COUNT, runSteps, tinyRun, valuesOf } from '../train/tiny.js'

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

    it('estimates Z from the first batch once, and then is near chance with noise-contrastive estimation', async () => {
      const { run, method } = npid({ temperature: 100, negatives: 16 })
      const z = async () => (await run.state.get('method.normaliser')!.item()) as number
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
