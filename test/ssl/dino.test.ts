import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DINOHead } from '../../src/nn/dinoHead.js'
import { MLP } from '../../src/nn/mlp.js'
import { ModelState } from '../../src/nn/state.js'
import { reshape } from '../../src/ops/shape.js'
import { cosineMomentum } from '../../src/optim/schedules.js'
import { SGD } from '../../src/optim/sgd.js'
import { DINO } from '../../src/ssl/dino.js'
import type { Encoder, MethodGroup } from '../../src/ssl/method.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { dinoViews } from '../../src/views/multiCrop.js'
import { devices } from '../conformance/devices.js'
import { loadDINOTrajectory } from '../fixtures/load.js'
import type { Array64 } from '../reference/array.js'
import { runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { Unchanged } from './runs.js'

const views = dinoViews({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false, localCount: 2, localSize: 4 })

/** An encoder of views that are twelve numbers an image, in whatever shape. */
class Rows extends MLP implements Encoder {
  readonly featureDimension = 7

  override forward(x: Tensor): Tensor {
    return super.forward(reshape(x, [x.shape[0]!, 12]))
  }
}

/** A head whose outputs are its inputs. */
class Plain extends DINOHead {
  override forward(x: Tensor): Tensor {
    return x
  }
}

const ourName = (name: string) =>
  name
    .replace('norm.weight', 'norm.gamma')
    .replace('norm.bias', 'norm.beta')
    .replace('running_mean', 'runningMean')
    .replace('running_var', 'runningVariance')
    .replace('last.weight', 'last.directions')

/** PyTorch's linear weights are [out, in], as our directions are, but not our weights. */
function ourValues(name: string, { shape, data }: Array64): Float32Array {
  const [outputs, inputs] = shape
  if (inputs === undefined || ourName(name).endsWith('directions')) return Float32Array.from(data)
  return Float32Array.from(data, (_, i) => data[(i % outputs!) * inputs + Math.floor(i / outputs!)]!)
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
      const { settings, views: given, initial, losses, centres, student, teacher } = loadDINOTrajectory()
      const networks = (seed: number) => {
        const generator = new Generator(seed)
        const encoder = new Rows({ widths: [12, 9, 7], generator: generator.split('encoder'), device })
        const sizes = { inputs: 7, hidden: 8, bottleneck: 4, outputs: 6 }
        return { encoder, head: new DINOHead({ ...sizes, generator: generator.split('head'), device }) }
      }
      const { momentum, studentTemperature, teacherTemperatures, centreMomentum, frozenSteps } = settings
      const schedule = cosineMomentum({ base: momentum, totalSteps: losses.length })
      const method = new DINO(networks(1), new TargetNetwork(networks(2), { momentum: schedule }), {
        studentTemperature,
        teacherTemperature: step => teacherTemperatures[step]!,
        centreMomentum,
        frozenSteps,
        views,
      })
      const model = new ModelState(method.modules, { everythingDecays: true, prefixes: ['head.last.'] })
      const trained = [...model.parameters.slots, ...model.buffers!.slots]
      assert.equal(trained.length, Object.keys(initial).length)
      for (const { name, tensor } of trained) {
        const [theirs, values] = Object.entries(initial).find(([theirs]) => ourName(theirs) === name)!
        tensor.write(ourValues(theirs, values))
      }
      method.attach(model)
      const { learningRate } = method.groups[0] as Required<MethodGroup>
      const groups = { 'head.last./decay': { learningRate } }
      const optimizer = new SGD(model.parameters, model.gradients, {
        momentum: 0,
        weightDecay: settings.weightDecay,
        groups,
      })
      // Large and small views differ in shape, so that batch norm takes them apart.
      const batch = batchOf(
        ...given.map(({ data }, i) => tensor(Float32Array.from(data), { shape: i < 2 ? [6, 12] : [6, 3, 4], device })),
      )
      for (const [step, wanted] of losses.entries()) {
        optimizer.prepare({ learningRate: settings.learningRate, step })
        method.prepare(step)
        const loss = scope(() => {
          const { loss } = method.loss(batch)
          model.gradients.gatherInto(gradients(loss, model.parameters.tensors))
          optimizer.step()
          method.afterStep()
          return loss
        })
        assert.ok(Math.abs((await loss.item()) - wanted) < 1e-5, `loss before step ${step}`)
        const centre = await new Map(method.state()).get('centre')!.data()
        for (const [k, value] of centres[step]!.data.entries()) assert.ok(Math.abs(centre[k]! - value) < 1e-5)
      }
      const ours = new Map([...trained.map(({ name, tensor }) => [name, tensor] as const), ...method.state()])
      const theirs = [
        ...Object.entries(student).map(([name, values]) => [name, ourName(name), values] as const),
        ...Object.entries(teacher).map(([name, values]) => [name, `target.${ourName(name)}`, values] as const),
      ]
      assert.equal(theirs.length + 1, ours.size)
      for (const [theirName, name, values] of theirs) {
        const [actual, wanted] = [await ours.get(name)!.data(), ourValues(theirName, values)]
        const error = Math.hypot(...wanted.map((value, i) => value - actual[i]!))
        assert.ok(error <= 2e-5 * Math.hypot(...wanted) + 1e-6, `${name}: off by ${error}`)
      }
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
