import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DINOHead } from '../../src/nn/dinoHead.js'
import { cosineMomentum } from '../../src/optim/schedules.js'
import { DINO } from '../../src/ssl/dino.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { dinoViews } from '../../src/views/multiCrop.js'
import { devices } from '../conformance/devices.js'
import { loadDINOTrajectory } from '../fixtures/load.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'
import { checkTensors, Rows, takeSteps } from './torchSteps.js'

const views = dinoViews({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false, localCount: 2, localSize: 4 })

/** A head whose outputs are its inputs. */
class Plain extends DINOHead {
  override forward(x: Tensor): Tensor {
    return x
  }
}

const OPTIONS = {
  outputs: 6,
  hidden: 8,
  bottleneck: 4,
  localCount: 1,
  localSize: 4,
  frozenEpochs: 0,
  centreMomentum: 0.8,
}

for (const { name, open } of devices) {
  describe(`ssl/dino on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    function dino(options = {}) {
      const run = tinyRun(device, { method: 'dino', options: { ...OPTIONS, ...options } })
      return { run, method: run.method as DINO }
    }

    it('is at log K where temperatures are high', async () => {
      const { run, method } = dino({ studentTemperature: 50, teacherTemperature: 50 })
      assert.equal(method.chance(), Math.log(6))
      await runSteps(run, 0, 1)
      const [first] = await run.step.metrics(1)
      assert.ok(Math.abs(first!.loss - Math.log(6)) < 0.01)
    })

    it('holds each view against the other, by the centre of the steps before: by hand', async () => {
      const head = () => {
        const sizes = { inputs: 2, hidden: 1, bottleneck: 1, outputs: 2 }
        return new Plain({ ...sizes, generator: new Generator(1), device })
      }
      const networks = () => ({ encoder: new Unchanged(2, device), head: head() })
      const method = new DINO(networks(), new TargetNetwork(networks(), { momentum: () => 1 }), {
        studentTemperature: 1,
        teacherTemperature: step => [1, 1, 0.5][step]!,
        centreMomentum: 0.5,
        frozenSteps: 0,
        views,
      })
      const [log3, log2] = [Math.log(3), Math.log(2)]
      const threeQuarters = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25))
      /** −Σ q log softmax([x, 0]). */
      const cross = (q: number, x: number) => Math.log(1 + Math.exp(x)) - q * x
      // Of every step: outputs [x, 0] of the two large views and a small one; the loss, H, and the centre afterwards.
      const trace = [
        // No centre yet: 3/4 and 1/2, of which each is predicted from the other view and from the small one.
        {
          outputs: [log3, 0, 0],
          loss: (cross(0.75, 0) + cross(0.75, 0) + cross(0.5, log3) + cross(0.5, 0)) / 4,
          entropy: (threeQuarters + log2) / 2,
          centre: 0.25 * log3,
        },
        // With log 3 / 4 taken off these are 3/4 and 1/2 again.
        {
          outputs: [1.25 * log3, 0.25 * log3, -log3],
          loss: (cross(0.75, 0.25 * log3) + cross(0.75, -log3) + cross(0.5, 1.25 * log3) + cross(0.5, -log3)) / 4,
          entropy: (threeQuarters + log2) / 2,
          centre: 0.5 * log3,
        },
        // A temperature of 1/2 makes 3/4 of half the distance.
        {
          outputs: [0.5 * log3, log3, log3],
          loss: (cross(0.5, log3) + cross(0.5, log3) + cross(0.75, 0.5 * log3) + cross(0.75, log3)) / 4,
          entropy: (log2 + threeQuarters) / 2,
          centre: 0.625 * log3,
        },
      ]
      for (const [step, { outputs, loss, entropy, centre }] of trace.entries()) {
        method.prepare(step)
        const found = method.loss(batchOf(...outputs.map(x => tensor([[x, 0]], { device }))))
        const near = (actual: number, expected: number, what: string) =>
          assert.ok(Math.abs(actual - expected) < 1e-5, `${what} of step ${step}: ${actual}, wanted ${expected}`)
        near(await found.loss.item(), loss, 'loss')
        near(await found.metrics!.teacher_entropy!.item(), entropy, 'entropy')
        method.afterStep()
        const [first, second] = await new Map(method.state()).get('centre')!.data()
        near(first!, centre, 'centre')
        near(second!, 0, 'centre')
      }
    })

    it('takes the steps that PyTorch takes: losses, centres, student and teacher', async () => {
      const trajectory = loadDINOTrajectory()
      const { settings, losses, centres, student, teacher } = trajectory
      const networks = (seed: number) => {
        const sizes = { inputs: 7, hidden: 8, bottleneck: 4, outputs: 6 }
        return {
          encoder: new Rows(seed, device),
          head: new DINOHead({ ...sizes, generator: new Generator(seed), device }),
        }
      }
      const momentum = cosineMomentum({ base: settings.momentum, totalSteps: losses.length })
      const method = new DINO(networks(1), new TargetNetwork(networks(2), { momentum }), {
        ...settings,
        teacherTemperature: step => settings.teacherTemperatures[step]!,
        views,
      })
      const ours = await takeSteps(method, trajectory, async step => {
        const centre = await new Map(method.state()).get('centre')!.data()
        for (const [k, value] of centres[step]!.data.entries()) assert.ok(Math.abs(centre[k]! - value) < 1e-5)
      })
      await checkTensors(ours, student)
      await checkTensors(ours, teacher, 'target.')
    })

    it('leaves its last layer alone for as long as it is frozen', async () => {
      const { run, method } = dino({ frozenEpochs: 1 })
      const last = async () => [...(await method.student.head.last.directions.data())]
      const before = await last()
      await runSteps(run, 0, 3)
      assert.deepEqual(await last(), before)
      await runSteps(run, 3, 4)
      assert.notDeepEqual(await last(), before)
    })

    it('warms the temperature of the teacher up, which flattens what it says', async () => {
      const { method } = dino({ firstTeacherTemperature: 0.04, teacherTemperature: 0.07, teacherWarmup: 2 })
      const { teacherTemperature } = method.options
      for (const [step, expected] of [
        [0, 0.04],
        [3, 0.055],
        [6, 0.07],
        [11, 0.07],
      ] as const) {
        assert.ok(Math.abs(teacherTemperature(step) - expected) < 1e-12)
      }
    })

    it('goes on as if never stopped, with its teacher and its centre', async () => {
      const whole = dino().run
      await runSteps(whole, 0, 6)
      const killed = dino().run
      await runSteps(killed, 0, 4)
      const resumed = dino().run
      writeTensors(resumed.state, await readTensors(killed.state), 'memory')
      await runSteps(resumed, 4, 6)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })
  })
}
