import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DataError } from '../../src/device/errors.js'
import type { FeatureSet } from '../../src/eval/featureSet.js'
import { linearProbe } from '../../src/eval/linear.js'
import { devices } from '../conformance/devices.js'
import { blobs, withBinding } from './sets.js'

/** Standardised rows of `set` as arrays, by the mean and deviation of `of`. */
function standardised(set: FeatureSet, of: FeatureSet): number[][] {
  const column = (from: FeatureSet, j: number) =>
    Array.from({ length: from.count }, (_, i) => from.features[i * from.dimension + j]!)
  const columns = Array.from({ length: set.dimension }, (_, j) => {
    const values = column(of, j)
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1))
    return column(set, j).map(v => (v - mean) / (deviation + 1e-5))
  })
  return Array.from({ length: set.count }, (_, i) => columns.map(values => values[i]!))
}

/** Another solver for the same objective: plain gradient descent in float64, weights [D + 1][C]. */
function descend(rows: number[][], labels: Int32Array, classes: number, decay: number, steps: number) {
  const w = Array.from({ length: rows[0]!.length + 1 }, () => new Array<number>(classes).fill(0))
  const logits = (row: number[]) => w.at(-1)!.map((bias, c) => row.reduce((sum, v, j) => sum + v * w[j]![c]!, bias))
  let loss = 0
  for (let step = 0; step <= steps; step++) {
    const gradient = w.map((weights, j) => weights.map(v => (j < w.length - 1 ? 2 * decay * v : 0)))
    loss = w.slice(0, -1).reduce((sum, weights) => sum + decay * weights.reduce((s, v) => s + v * v, 0), 0)
    rows.forEach((row, i) => {
      const exps = logits(row).map(Math.exp)
      const total = exps.reduce((sum, v) => sum + v, 0)
      loss -= Math.log(exps[labels[i]!]! / total) / rows.length
      exps.forEach((v, c) => {
        const residual = (v / total - Number(c === labels[i])) / rows.length
        for (const [j, value] of [...row, 1].entries()) gradient[j]![c]! += residual * value
      })
    })
    w.forEach((weights, j) => {
      for (let c = 0; c < classes; c++) weights[c]! -= 0.5 * gradient[j]![c]!
    })
  }
  const predict = (row: number[]) => logits(row).reduce((best, v, c, all) => (v > all[best]! ? c : best), 0)
  return { loss, predict }
}

for (const { name, open } of devices) {
  describe(`linear probe on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    it('ends where gradient descent ends, and leaves nothing on the device', async () => {
      const train = blobs(120, 5, 3, 2)
      const test = blobs(60, 5, 3, 3)
      const buffers = device.memory().buffers
      const found = await linearProbe(train, test, { device, weightDecay: 0.01 })
      const rows = standardised(train, train)
      const { loss, predict } = descend(rows, train.labels, 3, 0.01, 1500)
      const hits = (of: number[][], labels: Int32Array) =>
        of.filter((row, i) => predict(row) === labels[i]).length / of.length
      assert.ok(Math.abs(found.loss - loss) < 1e-5, `loss ${found.loss}, by gradient descent ${loss}`)
      assert.equal(found.trainAccuracy, hits(rows, train.labels))
      assert.equal(found.accuracy, hits(standardised(test, train), test.labels))
      assert.ok(found.iterations > 3 && found.iterations < 100)
      assert.equal(device.memory().buffers, buffers)
    })

    it('is the same over pages, but for rounding', async () => {
      const train = blobs(90, 6, 4, 4)
      const test = blobs(40, 6, 4, 5)
      const whole = await linearProbe(train, test, { device, weightDecay: 0.01 })
      // A row is 8 floats, with its bias and padding: pages of 31 rows.
      const paged = await linearProbe(train, test, { device: withBinding(device, 31 * 32), weightDecay: 0.01 })
      assert.ok(Math.abs(whole.loss - paged.loss) < 1e-5, `loss ${whole.loss} and ${paged.loss}`)
      assert.ok(Math.abs(whole.accuracy - paged.accuracy) <= 1 / 40)
    })

    it('leaves out rows without a label and features that never change', async () => {
      const test = blobs(40, 4, 3, 7)
      const train = blobs(80, 4, 3, 6, true)
      const rows = [...train.labels.keys()].filter(row => train.labels[row]! >= 0)
      const picked: FeatureSet = {
        ...train,
        count: rows.length,
        labels: Int32Array.from(rows, row => train.labels[row]!),
        features: Float32Array.from(rows.flatMap(row => [...train.features.subarray(4 * row, 4 * row + 4)])),
      }
      const expected = await linearProbe(picked, test, { device })
      assert.deepEqual(await linearProbe(train, test, { device }), expected)
      const widened = (set: FeatureSet, value: number): FeatureSet => ({
        ...set,
        dimension: 5,
        features: Float32Array.from({ length: 5 * set.count }, (_, i) =>
          i % 5 === 4 ? value : set.features[4 * Math.floor(i / 5) + (i % 5)]!,
        ),
      })
      // Another constant in the test set: its weight has stayed 0.
      const constant = await linearProbe(widened(picked, 1), widened(test, 2), { device })
      assert.equal(constant.accuracy, expected.accuracy)
    })

    it('refuses sets that do not belong together or have no labels', async () => {
      const train = blobs(20, 4, 3, 8)
      await assert.rejects(linearProbe(train, blobs(20, 5, 3, 8), { device }), DataError)
      await assert.rejects(linearProbe(train, blobs(20, 4, 2, 8), { device }), DataError)
      await assert.rejects(linearProbe({ ...train, labels: train.labels.map(() => -1) }, train, { device }), DataError)
    })
  })
}
