import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DataError } from '../../src/device/errors.js'
import type { FeatureSet } from '../../src/eval/featureSet.js'
import { knnAccuracy, knnPredict, nearest, vote } from '../../src/eval/knn.js'
import { devices } from '../conformance/devices.js'
import { blobs, withBinding } from './sets.js'

/** Cosine similarity in float64. */
function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

const rowOf = ({ features, dimension }: FeatureSet, row: number) =>
  features.subarray(row * dimension, (row + 1) * dimension)

/** The classifier again, by sorting all labelled rows. */
function bruteForce(train: FeatureSet, queries: FeatureSet, k: number, temperature: number): number[] {
  return Array.from({ length: queries.count }, (_, query) => {
    const all = Array.from({ length: train.count }, (_, row) => ({
      label: train.labels[row]!,
      similarity: cosine(rowOf(train, row), rowOf(queries, query)),
    }))
    const known = all.filter(({ label }) => label >= 0).sort((a, b) => b.similarity - a.similarity)
    const votes = new Array<number>(train.classes).fill(0)
    for (const { label, similarity } of known.slice(0, k)) votes[label]! += Math.exp(similarity / temperature)
    return votes.indexOf(Math.max(...votes))
  })
}

describe('knn: the vote', () => {
  it('weighs neighbours by exp(similarity / T), and gives a tie to the lower class', () => {
    const labels = Int32Array.of(2, 1, 1, 0)
    const neighbours = (similarities: number[], indices: number[]) => ({
      similarities: Float32Array.from(similarities),
      indices: Int32Array.from(indices),
      k: similarities.length,
    })
    // e^5 against e^4.5 + e^4.5.
    assert.deepEqual([...vote(neighbours([0.5, 0.45, 0.45], [0, 1, 2]), labels, 3, 0.1)], [1])
    // e^10 against e^8 + e^8.
    assert.deepEqual([...vote(neighbours([1, 0.8, 0.8], [0, 1, 2]), labels, 3, 0.1)], [2])
    assert.deepEqual([...vote(neighbours([0.5, 0.5], [1, 3]), labels, 3, 0.1)], [0])
    assert.deepEqual([...vote({ ...neighbours([0.5, 0.5], [0, 1]), k: 1 }, labels, 3, 0.1)], [2, 1])
  })
})

for (const { name, open } of devices) {
  describe(`knn on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    it('predicts what brute force predicts, over batches and pages, and leaves nothing on the device', async () => {
      const buffers = device.memory().buffers
      for (const [neighbours, dimension, on, batch] of [
        [1, 9, device, 512],
        [28, 9, device, 33],
        // Pages of 50 rows, fewer than the neighbours that are wanted.
        [60, 100, withBinding(device, 50 * 400), 16],
      ] as const) {
        const train = blobs(331, dimension, 4, 1, true)
        const test = blobs(70, dimension, 4, 2)
        const options = { device: on, neighbours, batch }
        const expected = bruteForce(train, test, neighbours, 0.07)
        assert.deepEqual([...(await knnPredict(train, test, options))], expected)
        const hits = expected.filter((label, i) => label === test.labels[i]).length
        assert.equal(await knnAccuracy(train, test, options), hits / test.count)
        assert.equal(device.memory().buffers, buffers)
      }
    })

    it('takes a tenth of the labelled rows as neighbours, at most 200', async () => {
      const train = blobs(331, 9, 4, 1, true)
      const test = blobs(70, 9, 4, 2)
      const labelledRows = train.labels.filter(label => label >= 0).length
      assert.equal(labelledRows, 284)
      assert.deepEqual([...(await knnPredict(train, test, { device }))], bruteForce(train, test, 28, 0.07))
      const few = blobs(6, 9, 4, 3)
      assert.deepEqual([...(await knnPredict(few, test, { device }))], bruteForce(few, test, 1, 0.07))
    })

    it('finds the highest similarities, the highest first', async () => {
      const keys = blobs(205, 9, 4, 4)
      const queries = blobs(5, 9, 4, 5)
      const { similarities, k } = await nearest(keys, queries, 40, { device: withBinding(device, 64 * 36) })
      for (let query = 0; query < queries.count; query++) {
        const all = Array.from({ length: keys.count }, (_, row) => cosine(rowOf(keys, row), rowOf(queries, query)))
        const best = all.sort((a, b) => b - a).slice(0, k)
        best.forEach((value, i) => {
          assert.ok(Math.abs(similarities[query * k + i]! - value) < 1e-5, `query ${query}, neighbour ${i}`)
        })
      }
    })

    it('finds equals in order of their rows, across pages too', async () => {
      const features = Float32Array.from({ length: 40 }, (_, i) => (i % 4 < 2 ? 1 : 0))
      const keys: FeatureSet = { features, count: 20, dimension: 2, labels: new Int32Array(20), classes: 1 }
      const query = { ...keys, features: Float32Array.of(2, 2), count: 1 }
      const even = [0, 2, 4, 6, 8, 10, 12]
      for (const on of [device, withBinding(device, 24)]) {
        const { indices, similarities } = await nearest(keys, query, 7, { device: on })
        assert.deepEqual([...indices], even)
        for (const similarity of similarities) assert.ok(Math.abs(similarity - 1) < 1e-6)
      }
    })

    it('refuses what it cannot do', async () => {
      const train = blobs(20, 4, 3, 8)
      await assert.rejects(knnAccuracy(train, train, { device, neighbours: 21 }), ConfigError)
      await assert.rejects(knnAccuracy(train, train, { device, neighbours: 0 }), ConfigError)
      await assert.rejects(knnAccuracy(train, train, { device, temperature: 0 }), ConfigError)
      await assert.rejects(knnAccuracy(train, blobs(20, 5, 3, 8), { device }), DataError)
      await assert.rejects(knnAccuracy(train, { ...train, labels: train.labels.map(() => -1) }, { device }), DataError)
    })
  })
}
