import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { Linear } from '../../src/nn/linear.js'
import { sigmoidRamp } from '../../src/optim/schedules.js'
import { MeanTeacher } from '../../src/ssl/meanTeacher.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { wholeView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { runSteps, tinyRun } from '../train/tiny.js'
import { checkRecording, checkResume, Unchanged } from './runs.js'

for (const { name, open } of devices) {
  describe(`ssl/mean-teacher on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const near = (actual: number, expected: number, what: string) =>
      assert.ok(Math.abs(actual - expected) < 1e-5 * Math.max(1, expected), `${what}: ${actual}, wanted ${expected}`)

    it('adds cross-entropy over the whole batch and consistency at its weight of the step: by hand', async () => {
      // Logits are what the networks are shown.
      const networks = () => {
        const classifier = new Linear({ inputs: 2, outputs: 2, generator: new Generator(1), device })
        classifier.weight.write(Float32Array.of(1, 0, 0, 1))
        classifier.bias!.write(Float32Array.of(0, 0))
        return { encoder: new Unchanged(2, device), classifier }
      }
      const view = wholeView({ size: 8, mean: [0.5], std: [0.25] })
      const ramp = sigmoidRamp(4)
      const method = new MeanTeacher(networks(), new TargetNetwork(networks(), { momentum: () => 1 }), {
        consistency: step => 10 * ramp(step),
        labelledPerBatch: 1,
        views: [view, view],
        heldOut: view,
      })
      const log3 = Math.log(3)
      const students = tensor(
        [
          [log3, 0],
          [0, 0],
          [0, log3],
          [0, 0],
        ],
        { device },
      )
      const teachers = tensor(
        [
          [0, 0],
          [0, log3],
          [0, log3],
          [0, 0],
        ],
        { device },
      )
      const labels = tensor(Int32Array.of(0, -1, -1, -1), { device })
      const indices = tensor(Int32Array.of(0, 1, 2, 3), { device })
      // The one label is found with probability 3/4. Two of the four images have 3/4 and 1/4 beside two halves.
      const [classification, consistency] = [-Math.log(0.75) / 4, (4 * 0.25 ** 2) / 8]
      const weights = [Math.exp(-5), Math.exp(-2.8125), Math.exp(-1.25), Math.exp(-0.3125), 1, 1].map(w => 10 * w)
      for (const [step, weight] of weights.entries()) {
        method.prepare(step)
        const { loss, metrics } = method.loss({ views: [students, teachers], labels, indices })
        near(await metrics!.consistency!.item(), consistency, `consistency of step ${step}`)
        near(await loss.item(), classification + weight * consistency, `loss of step ${step}`)
        method.afterStep()
      }
      near(method.chance(4), Math.log(2) / 4, 'chance')
    })

    it('has so many labelled images in each batch, and raises the weight of consistency step by step', () => {
      const { stepsPerEpoch, method } = tinyRun(device, {
        method: 'mean-teacher',
        labels: 6,
        options: { labelledPerBatch: 4, momentum: 0.9, consistency: 10, rampUp: 1 },
      })
      assert.equal(stepsPerEpoch, Math.floor((24 - 6) / 4))
      assert.equal(method.chance(8), Math.log(4) / 2)
      // 10 · exp(−5 (1 − t / 4)²) over the four steps of an epoch.
      const { consistency } = (method as MeanTeacher).options
      for (const [step, weight] of [0.0673795, 0.6005, 2.865048, 7.3161563, 10, 10].entries()) {
        assert.ok(Math.abs(consistency(step) - weight) < 1e-4, `weight of step ${step}: ${consistency(step)}`)
      }
    })

    it('has a teacher that is the plain average of its students, until α is less', async () => {
      const run = tinyRun(device, {
        method: 'mean-teacher',
        labels: 6,
        options: { labelledPerBatch: 4, momentum: 0.76 },
      })
      const name = 'encoder.stem.convolution.filter'
      const read = async (which: string) => [...(await run.state.get(which)!.data())]
      let expected = await read(name)
      const students = [expected]
      // α = min(1 − 1 / (t + 1), 0.76) with t = 1 after the first step.
      for (const [step, alpha] of [1 / 2, 2 / 3, 3 / 4, 0.76, 0.76].entries()) {
        await runSteps(run, step, step + 1)
        const student = await read(name)
        students.push(student)
        expected = expected.map((value, i) => alpha * value + (1 - alpha) * student[i]!)
        const teacher = await read(`method.target.${name}`)
        expected.forEach((value, i) => {
          assert.ok(Math.abs(teacher[i]! - value) < 1e-6, `weight ${i} after step ${step}`)
        })
        if (step > 2) continue
        teacher.forEach((value, i) => {
          const mean = students.reduce((sum, each) => sum + each[i]!, 0) / students.length
          assert.ok(Math.abs(value - mean) < 1e-6, `weight ${i} is the average of ${students.length} students`)
        })
      }
    })

    const settings = { method: 'mean-teacher', labels: 6, options: { labelledPerBatch: 4, momentum: 0.9, rampUp: 1 } }

    it('is the same recorded and eager', () => checkRecording(device, settings))

    it('goes on as if never stopped', () => checkResume(device, settings))
  })
}
