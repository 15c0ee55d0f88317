import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { BatchShuffle } from '../../src/ssl/batchShuffle.js'
import type { MoCo } from '../../src/ssl/moco.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { BATCH, runSteps, tinyRun, valuesOf } from '../train/tiny.js'

const OPTIONS = { temperature: 0.2, momentum: 0.9, queue: 20 }

for (const { name, open } of devices) {
  describe(`ssl/moco on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function moco(options = {}) {
      const run = tinyRun(device, { method: 'moco-v2', options: { ...OPTIONS, ...options } })
      return { run, method: run.method as MoCo }
    }

    const rowsOf = async ({ queue }: MoCo) => {
      const values = await queue.pages[0]!.data()
      return Array.from({ length: 20 }, (_, row) => [...values.subarray(8 * row, 8 * row + 8)])
    }

    it('begins with a momentum encoder that is a copy, and moves it by m after each step', async () => {
      const { run, method } = moco()
      const named = [...method.online.encoder.namedParameters(), ...method.online.projector.namedParameters()]
      const twins = [
        ...method.target.modules.encoder.namedParameters(),
        ...method.target.modules.projector.namedParameters(),
      ]
      const values = (tensors: [string, Tensor][]) =>
        Promise.all(tensors.map(async ([, each]) => [...(await each.data())]))
      let expected = await values(named)
      assert.deepEqual(await values(twins), expected)
      for (let step = 0; step < 3; step++) {
        await runSteps(run, step, step + 1)
        const online = await values(named)
        expected = expected.map((each, i) => each.map((value, k) => 0.9 * value + 0.1 * online[i]![k]!))
        const found = await values(twins)
        expected.flat().forEach((value, i) => {
          assert.ok(Math.abs(found.flat()[i]! - value) < 1e-6, `parameter ${i} after step ${step}`)
        })
      }
    })

    it('puts the keys of a step in the place of the oldest, and nothing else', async () => {
      const { run, method } = moco()
      let before = await rowsOf(method)
      for (let step = 0; step < 4; step++) {
        await runSteps(run, step, step + 1)
        const after = await rowsOf(method)
        const taken = Array.from({ length: BATCH }, (_, i) => (step * BATCH + i) % 20)
        after.forEach((row, i) => {
          if (taken.includes(i)) assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-5, `row ${i} has length 1`)
          assert.equal(JSON.stringify(row) === JSON.stringify(before[i]), !taken.includes(i), `row ${i}, step ${step}`)
        })
        before = after
      }
    })

    it('asks each view once where it is symmetric, and keeps the keys of both', async () => {
      const { run, method } = moco({ symmetric: true })
      const before = await rowsOf(method)
      await runSteps(run, 0, 1)
      const after = await rowsOf(method)
      const changed = after.filter((row, i) => JSON.stringify(row) !== JSON.stringify(before[i]))
      assert.equal(changed.length, 2 * BATCH)
    })

    it('is at log(K + 1) where the temperature is high', async () => {
      const { run, method } = moco({ temperature: 50 })
      assert.equal(method.chance(), Math.log(21))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - Math.log(21)) < 0.05)
    })

    it('works with a queue shorter than a batch, and of one key', async () => {
      for (const queue of [1, 5]) {
        const { run } = moco({ queue })
        await runSteps(run, 0, 3)
        for (const { loss } of await run.step.metrics(3)) assert.ok(Number.isFinite(loss) && loss >= 0)
      }
    })

    it('shuffles the keys of a split batch norm and puts them back', async () => {
      const shuffle = new BatchShuffle(6, new Generator(2), device)
      const x = tensor(
        Array.from({ length: 6 }, (_, i) => [i, 10 * i]),
        { device },
      )
      const orders: string[] = []
      for (const step of [0, 1, 0]) {
        shuffle.prepare(step)
        let seen: Tensor | undefined
        const back = shuffle.apply(x, shuffled => {
          seen = shuffled
          return shuffled
        })
        assert.deepEqual([...(await back.data())], [...(await x.data())])
        const order = [...(await seen!.data())].filter((_, i) => i % 2 === 0)
        assert.deepEqual(order.toSorted(), [0, 1, 2, 3, 4, 5])
        orders.push(order.join())
      }
      assert.equal(orders[0], orders[2])
      assert.notEqual(orders[0], orders[1])
    })

    it('goes on as if never stopped, with its queue, its momentum encoder and its shuffles', async () => {
      const options = { splits: 2 }
      const whole = moco(options).run
      await runSteps(whole, 0, 6)
      const killed = moco(options).run
      await runSteps(killed, 0, 4)
      const resumed = moco(options).run
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 4, 6)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
      const plain = moco().run
      await runSteps(plain, 0, 6)
      const filter = 'encoder.stem.convolution.filter'
      assert.notDeepEqual((await valuesOf(plain))[filter], (await valuesOf(whole))[filter], 'splits matter')
    })
  })
}
