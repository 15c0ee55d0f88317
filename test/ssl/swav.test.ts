import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { sinkhorn } from '../../src/ssl/losses/sinkhorn.js'
import type { SwAV } from '../../src/ssl/swav.js'
import { tensor } from '../../src/tensor/create.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { array } from '../reference/array.js'
import { sinkhorn as reference } from '../reference/targets.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'

const SETTINGS = {
  method: 'swav',
  projector: [8, 6],
  options: { prototypes: 5, localCount: 1, localSize: 4, frozenEpochs: 0, globalArea: [0.4, 1], localArea: [0.2, 0.4] },
}

for (const { name, open } of devices) {
  describe(`ssl/swav on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const swav = (options = {}) => {
      const run = tinyRun(device, { ...SETTINGS, options: { ...SETTINGS.options, ...options } })
      return { run, method: run.method as SwAV }
    }

    it('assigns as Sinkhorn does by hand, evenly over the prototypes', async () => {
      const scores = [
        [0.9, 0.1, -0.2],
        [0.8, 0.3, 0.1],
        [0.7, -0.4, 0.6],
        [0.9, 0.2, 0],
      ]
      for (const [epsilon, iterations] of [
        [0.5, 1],
        [0.05, 3],
        [0.05, 50],
      ] as const) {
        const q = [...(await sinkhorn(tensor(scores, { device }), { epsilon, iterations }).data())]
        reference.forward([array([4, 3], scores.flat())], { epsilon, iterations }).data.forEach((value, i) => {
          assert.ok(Math.abs(q[i]! - value) < 1e-5, `${q[i]}, wanted ${value} at ${i} of ε ${epsilon}`)
        })
        for (let row = 0; row < 4; row++) {
          assert.ok(Math.abs(q.slice(3 * row, 3 * row + 3).reduce((sum, value) => sum + value, 0) - 1) < 1e-5)
        }
      }
      const even = [...(await sinkhorn(tensor(scores, { device }), { epsilon: 0.05, iterations: 200 }).data())]
      for (let k = 0; k < 3; k++) {
        const share = [0, 1, 2, 3].reduce((sum, row) => sum + even[3 * row + k]!, 0)
        assert.ok(Math.abs(share - 4 / 3) < 0.02, `prototype ${k} has ${share} of 4 samples`)
      }
    })

    it('stays finite where exp(score / ε) would overflow', async () => {
      const q = await sinkhorn(
        tensor(
          [
            [1, -1],
            [1, 0.99],
          ],
          { device },
        ),
        { epsilon: 0.005, iterations: 3 },
      ).data()
      assert.ok([...q].every(Number.isFinite))
      // A prototype that no sample is near: its exponentials are all 0.
      const far = [
        [1, -1, 0.9],
        [0.9, -1, 1],
      ]
      const even = await sinkhorn(tensor(far, { device }), { epsilon: 0.005, iterations: 3 }).data()
      assert.ok([...even].every(Number.isFinite), [...even].join())
    })

    it('keeps its prototypes at length 1, from the beginning and after every step', async () => {
      const { run, method } = swav()
      for (const steps of [0, 1, 3]) {
        await runSteps(run, 0, steps)
        const weight = await method.prototypes.weight.data()
        for (let k = 0; k < 5; k++) {
          const length = Math.hypot(...Array.from({ length: 6 }, (_, d) => weight[5 * d + k]!))
          assert.ok(Math.abs(length - 1) < 1e-5, `prototype ${k} has length ${length} after ${steps} steps`)
        }
      }
    })

    it('leaves them alone for as long as they are frozen, and moves everything else', async () => {
      const { run, method } = swav({ frozenEpochs: 1 })
      const before = [...(await method.prototypes.weight.data())]
      const encoder = [...(await method.encoder.parameters()[0]!.data())]
      await runSteps(run, 0, 3)
      const apart = (await method.prototypes.weight.data()).map((value, i) => Math.abs(value - before[i]!))
      assert.ok(Math.max(...apart) < 1e-6)
      assert.notDeepEqual([...(await method.encoder.parameters()[0]!.data())], encoder)
      await runSteps(run, 3, 6)
      assert.notDeepEqual(
        [...(await method.prototypes.weight.data())].map(value => value.toFixed(5)),
        before.map(value => value.toFixed(5)),
      )
    })

    it('begins near log K, and learns', async () => {
      const { run, method } = swav({ temperature: 2 })
      assert.equal(method.chance(), Math.log(5))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - Math.log(5)) < 0.1, `loss ${first!.loss}`)
    })

    it('goes on as if never stopped, with its queues, before and after they come into use', async () => {
      const options = { queue: 12, queueFrom: 1 }
      const whole = swav(options).run
      await runSteps(whole, 0, 6)
      for (const at of [2, 4]) {
        const killed = swav(options).run
        await runSteps(killed, 0, at)
        const saved = await readTensors(killed.state)
        const resumed = swav(options).run
        writeTensors(resumed.state, saved, 'memory')
        await runSteps(resumed, at, 6)
        assert.deepEqual(await valuesOf(resumed), await valuesOf(whole), `killed after ${at} steps`)
      }
      const plain = swav().run
      await runSteps(plain, 0, 6)
      assert.notDeepEqual(
        (await valuesOf(plain))['encoder.stem.convolution.filter'],
        (await valuesOf(whole))['encoder.stem.convolution.filter'],
      )
    })
  })
}
