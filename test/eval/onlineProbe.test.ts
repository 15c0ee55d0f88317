import assert from 'node:assert/strict'
import { DeviceDataset } from '../../src/data/deviceDataset.js'
import { sampler } from '../../src/data/sampler.js'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { OnlineProbe } from '../../src/eval/onlineProbe.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { stepCounter, TrainingStep } from '../../src/train/step.js'
import { devices } from '../conformance/devices.js'
import { BATCH, COUNT, runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { blobs } from './sets.js'

const RATE = 0.5

/** The same rule in float64: standardised features, softmax regression over labelled rows, momentum 0.9. */
function plainProbe(rows: number[][], labels: number[], classes: number, steps: number) {
  const [count, dimension] = [rows.length, rows[0]!.length]
  const columns = Array.from({ length: dimension }, (_, j) => rows.map(row => row[j]!))
  const standard = columns.map(column => {
    const mean = column.reduce((sum, v) => sum + v, 0) / count
    const variance = column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count
    return column.map(v => (v - mean) / Math.sqrt(variance + 1e-5))
  })
  const inputs = rows.map((_, i) => [...standard.map(column => column[i]!), 1])
  const make = () => Array.from({ length: dimension + 1 }, () => new Array<number>(classes).fill(0))
  const [weights, momentum] = [make(), make()]
  const known = labels.filter(label => label >= 0).length
  const losses: number[] = []
  const accuracies: number[] = []
  for (let step = 0; step < steps; step++) {
    const gradient = make()
    let [loss, hits] = [0, 0]
    inputs.forEach((x, i) => {
      const label = labels[i]!
      if (label < 0) return
      const logits = weights[0]!.map((_, c) => x.reduce((sum, v, j) => sum + v * weights[j]![c]!, 0))
      const exps = logits.map(Math.exp)
      const total = exps.reduce((sum, v) => sum + v, 0)
      loss -= Math.log(exps[label]! / total) / known
      if (logits.indexOf(Math.max(...logits)) === label) hits++
      exps.forEach((v, c) => {
        x.forEach((value, j) => {
          gradient[j]![c]! += ((v / total - Number(c === label)) * value) / known
        })
      })
    })
    losses.push(loss)
    accuracies.push(hits / known)
    weights.forEach((row, j) => {
      row.forEach((_, c) => {
        momentum[j]![c] = 0.9 * momentum[j]![c]! + gradient[j]![c]!
        row[c]! -= RATE * momentum[j]![c]!
      })
    })
  }
  return { losses, accuracies, weights: weights.slice(0, -1).flat(), bias: weights.at(-1)! }
}

for (const { name, open } of devices) {
  describe(`online probe on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    /** A tiny run whose step is built again, with a probe or without. */
    function watched(probe?: OnlineProbe) {
      const run = tinyRun(device)
      const { method, optimizer, model, learningRate, config, data } = run
      const step = new TrainingStep({
        device,
        method,
        optimizer,
        parameters: model.parameters,
        gradients: model.gradients,
        batches: new DeviceDataset(device, data.train).reader(BATCH),
        sampler: sampler({ count: COUNT, batch: BATCH, seed: config.seed }),
        labels: data.train.labels!,
        source: data.train,
        seed: config.seed,
        precision: 'float32',
        learningRate,
        counter: stepCounter(device),
        ...(probe && { probe }),
      })
      return { ...run, step }
    }

    const probeOf = (dimension: number, classes = 4) =>
      new OnlineProbe({ dimension, classes, device, learningRate: () => RATE })

    it('leaves every bit of a training as it is without it, and learns', async () => {
      const plain = watched()
      const dimension = plain.method.encoder.featureDimension
      const probe = probeOf(dimension)
      const probed = watched(probe)
      for (const run of [plain, probed]) await runSteps(run, 0, 9)
      assert.deepEqual(await valuesOf(probed), await valuesOf(plain))
      const metrics = await probed.step.metrics(9)
      assert.ok(Math.abs(metrics[0]!.probeLoss! - Math.log(4)) < 1e-6)
      // Three batches of eight are soon known by heart: the last epoch's loss is below the first's.
      const epoch = (k: number) => metrics.slice(3 * k, 3 * k + 3).reduce((sum, { probeLoss }) => sum + probeLoss!, 0)
      assert.ok(epoch(2) < epoch(0), `${epoch(0)} → ${epoch(2)}`)
      const without = metrics.map(({ step, loss, deviation }) => ({ step, loss, deviation }))
      assert.deepEqual(without, await plain.step.metrics(9))
    })

    it('follows the rule step by step, and counts nothing without a label', async () => {
      const set = blobs(12, 3, 4, 5, true)
      const probe = probeOf(3)
      const rows = Array.from({ length: 12 }, (_, i) => [...set.features.subarray(3 * i, 3 * i + 3)])
      const expected = plainProbe(rows, [...set.labels], 4, 4)
      for (let step = 0; step < 4; step++) {
        probe.prepare(step)
        const { probeLoss, probeAccuracy } = scope(() =>
          probe.launches(tensor(set.features, { shape: [12, 3], device }), tensor(set.labels, { device })),
        )
        assert.ok(Math.abs((await probeLoss.item()) - expected.losses[step]!) < 1e-5)
        assert.ok(Math.abs((await probeAccuracy.item()) - expected.accuracies[step]!) < 1e-6)
      }
      const state = new Map(probe.state())
      assert.deepEqual([...state.keys()].sort(), [
        'linear.bias',
        'linear.weight',
        'momentum.linear.bias',
        'momentum.linear.weight',
      ])
      const near = async (name: string, wanted: number[]) => {
        const found = await state.get(name)!.data()
        wanted.forEach((value, i) => {
          assert.ok(Math.abs(found[i]! - value) < 1e-5, `${name} ${i}: ${found[i]}, wanted ${value}`)
        })
      }
      await near('linear.weight', expected.weights)
      await near('linear.bias', expected.bias)
    })

    it('stays as it is in a batch without labels', async () => {
      const probe = probeOf(3)
      probe.prepare(0)
      const { probeLoss, probeAccuracy } = scope(() =>
        probe.launches(tensor([[1, 2, 3]], { device }), tensor(Int32Array.of(-1), { device })),
      )
      assert.deepEqual([await probeLoss.item(), await probeAccuracy.item()], [0, 0])
      for (const [what, each] of probe.state())
        assert.ok(
          (await each.data()).every(value => value === 0),
          what,
        )
    })

    it('goes on from its saved state, and gives its memory back', async () => {
      const set = blobs(20, 5, 3, 6)
      const step = (probe: OnlineProbe, k: number) => {
        probe.prepare(k)
        scope(
          () => void probe.launches(tensor(set.features, { shape: [20, 5], device }), tensor(set.labels, { device })),
        )
      }
      const first = probeOf(5, 3)
      await device.settle()
      for (let k = 0; k < 3; k++) step(first, k)
      const saved = await readTensors(new Map(first.state()))
      const buffers = device.memory().buffers
      const second = probeOf(5, 3)
      writeTensors(new Map(second.state()), saved, 'memory')
      for (const probe of [first, second]) step(probe, 3)
      const [a, b] = await Promise.all([first, second].map(probe => readTensors(new Map(probe.state()))))
      assert.deepEqual(b, a)
      second.dispose()
      assert.equal(device.memory().buffers, buffers)
      first.dispose()
    })

    it('refuses features that are no rows, and a single class', () => {
      assert.throws(() => new OnlineProbe({ dimension: 4, classes: 1, device }), ConfigError)
      assert.throws(() => new OnlineProbe({ dimension: 0, classes: 3, device }), ConfigError)
      const probe = probeOf(4)
      probe.prepare(0)
      const labels = zeros([2], { dtype: 'int32', device })
      assert.throws(() => probe.launches(zeros([2, 1, 4], { device }), labels), ShapeError)
    })
  })
}
