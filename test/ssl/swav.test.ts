import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { Linear } from '../../src/nn/linear.js'
import { MLP } from '../../src/nn/mlp.js'
import { sinkhorn } from '../../src/ssl/losses/sinkhorn.js'
import { Queue } from '../../src/ssl/queue.js'
import { SwAV } from '../../src/ssl/swav.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { swavViews } from '../../src/views/multiCrop.js'
import { devices } from '../conformance/devices.js'
import { loadSwAVTrajectory } from '../fixtures/load.js'
import { array } from '../reference/array.js'
import { sinkhorn as reference, swappedPrediction as swapped } from '../reference/targets.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'
import { checkTensors, Rows, takeSteps } from './torchSteps.js'

/** Rows of two numbers, for each of several views. */
type Pages = readonly (readonly (readonly [number, number])[])[]

const views = swavViews({ size: 8, mean: [0.5], std: [0.25], strength: 0, blur: false, localCount: 1, localSize: 4 })

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

    it('assigns with the queue once it is full, the batch being predicted alone: by hand', async () => {
      const queue = () => new Queue({ size: 3, dimension: 2, rows: 2, generator: new Generator(1), device })
      const prototypes = new Linear({ inputs: 2, outputs: 2, bias: false, generator: new Generator(2), device })
      prototypes.weight.write(Float32Array.of(1, 0, 0, 1))
      const [temperature, epsilon, iterations] = [0.5, 0.5, 3]
      const method = new SwAV(new Unchanged(2, device), new Unchanged(2, device), prototypes, [queue(), queue()], {
        temperature,
        epsilon,
        iterations,
        frozenSteps: 0,
        queueFrom: 1,
        views,
      })
      const state = () => new Map(method.state())
      // Embeddings of two images in two large views and a small one; they are their own scores.
      const [x, y, up, right] = [
        [1, 0],
        [0, 1],
        [0.6, 0.8],
        [0.8, 0.6],
      ] as const
      const steps: { views: Pages; queued?: Pages }[] = [
        {
          views: [
            [x, y],
            [up, right],
            [x, x],
          ],
        },
        // The step from which the queue may be used, but a row of it is as it began.
        {
          views: [
            [up, x],
            [x, right],
            [y, y],
          ],
        },
        // Step 1 has written its second row over the first of step 0.
        {
          views: [
            [y, right],
            [x, x],
            [up, x],
          ],
          queued: [
            [x, y, up],
            [right, right, x],
          ],
        },
        {
          views: [
            [x, up],
            [y, right],
            [right, x],
          ],
          queued: [
            [x, y, right],
            [right, x, x],
          ],
        },
      ]
      for (const [step, { views, queued }] of steps.entries()) {
        assert.equal(method.variant(step), queued ? 'queue' : '', `step ${step}`)
        method.prepare(step)
        if (queued) {
          const held = await Promise.all([0, 1].map(view => state().get(`view${view}.queue.0`)!.data()))
          assert.deepEqual(
            held.map(each => [...each]),
            queued.map(rows => [...Float32Array.from(rows.flat())]),
          )
        }
        const { loss } = method.loss(
          batchOf(
            ...views.map(rows =>
              tensor(
                rows.map(row => [...row]),
                { device },
              ),
            ),
          ),
        )
        const targets = [0, 1].map(large => {
          const rows = [...views[large]!, ...(queued?.[large] ?? [])]
          const { data } = reference.forward([array([rows.length, 2], rows.flat())], { epsilon, iterations })
          return array([2, 2], [...data.slice(0, 4)])
        })
        const scores = views.map(rows => array([2, 2], rows.flat()))
        const expected = swapped.forward([...targets, ...scores], { targets: 2, temperature }).data[0]!
        assert.ok(Math.abs((await loss.item()) - expected) < 1e-5, `loss of step ${step}`)
        method.afterStep()
      }
    })

    it('takes the steps that PyTorch takes, with a queue from the third on', async () => {
      const trajectory = loadSwAVTrajectory()
      const { settings, final } = trajectory
      const generator = new Generator(2)
      const queue = () => new Queue({ size: settings.queue, dimension: 4, rows: 6, generator, device })
      const method = new SwAV(
        new Rows(1, device),
        new MLP({ widths: [7, 8, 4], generator, device }),
        new Linear({ inputs: 4, outputs: 6, bias: false, generator, device }),
        [queue(), queue()],
        { ...settings, queueFrom: 0, views },
      )
      assert.deepEqual(
        [0, 1, 2, 3].map(step => method.variant(step)),
        ['', '', 'queue', 'queue'],
      )
      await checkTensors(await takeSteps(method, trajectory), final)
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
