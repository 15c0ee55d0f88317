import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DataError } from '../../src/device/errors.js'
import type { FeatureSet } from '../../src/eval/featureSet.js'
import { kmeans, kmeansAccuracy, type Rows } from '../../src/eval/kmeans.js'
import { normalisedMutualInformation } from '../../src/eval/mutualInformation.js'
import { devices } from '../conformance/devices.js'
import { blobs, withBinding } from './sets.js'

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, j) => sum + (value - b[j]!) ** 2, 0)

function rowsOf({ features, count, dimension }: Rows): number[][] {
  return Array.from({ length: count }, (_, i) => [...features.subarray(i * dimension, (i + 1) * dimension)])
}

const centresOf = (centroids: Float64Array, dimension: number) =>
  Array.from({ length: centroids.length / dimension }, (_, c) => [
    ...centroids.subarray(c * dimension, (c + 1) * dimension),
  ])

/** Lloyd's iteration again, plainly. No cluster may lose all its rows. */
function lloyd(rows: number[][], centres: number[][]): { centres: number[][]; assignments: number[] } {
  let assignments: number[] = []
  for (;;) {
    const next = rows.map(row => {
      const distances = centres.map(centre => distance(row, centre))
      return distances.indexOf(Math.min(...distances))
    })
    if (next.every((cluster, i) => cluster === assignments[i])) return { centres, assignments }
    assignments = next
    centres = centres.map((centre, cluster) => {
      const own = rows.filter((_, i) => assignments[i] === cluster)
      return centre.map((_, j) => own.reduce((sum, row) => sum + row[j]!, 0) / own.length)
    })
  }
}

function listed(values: number[][]): Rows {
  return { features: Float32Array.from(values.flat()), count: values.length, dimension: values[0]!.length }
}

describe('normalisedMutualInformation', () => {
  const nmi = (a: number[], b: number[]) => normalisedMutualInformation(Int32Array.from(a), Int32Array.from(b))

  it('is 1 for the same parts under other names, and 0 for independent ones', () => {
    assert.equal(nmi([0, 0, 1, 1, 2], [5, 5, 3, 3, 0]), 1)
    assert.equal(nmi([0, 0, 1, 1], [0, 1, 0, 1]), 0)
    assert.equal(nmi([0, 0, 0], [1, 1, 1]), 1)
    assert.equal(nmi([0, 0, 0], [0, 1, 2]), 0)
  })

  it('is twice the information over the sum of entropies', () => {
    // H(a) = log 2, H(b) = 1.5 log 2, I = log 2.
    assert.ok(Math.abs(nmi([0, 0, 1, 1], [0, 0, 1, 2]) - 0.8) < 1e-12)
  })
})

for (const { name, open } of devices) {
  describe(`kmeans on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    it("is Lloyd's iteration from rows of its own, whatever the offset of the features", async () => {
      const set = blobs(150, 4, 5, 3)
      const far = { ...set, features: set.features.map(value => value + 100) }
      const buffers = device.memory().buffers
      for (const rows of [set, far]) {
        const seeds = await kmeans(rows, 5, { device, seed: 2, maxIterations: 0 })
        const start = centresOf(seeds.centroids, 4)
        const known = new Set(rowsOf(rows).map(String))
        assert.ok(start.every(centre => known.has(String(centre))))
        assert.equal(new Set(start.map(String)).size, 5)
        const expected = lloyd(rowsOf(rows), start)
        const found = await kmeans(rows, 5, { device, seed: 2 })
        assert.deepEqual([...found.assignments], expected.assignments)
        expected.centres.flat().forEach((value, i) => {
          assert.ok(Math.abs(found.centroids[i]! - value) < 1e-4)
        })
        const inertia = rowsOf(rows).reduce(
          (sum, row, i) => sum + distance(row, expected.centres[expected.assignments[i]!]!),
          0,
        )
        assert.ok(Math.abs(found.inertia / inertia - 1) < 1e-5)
        assert.ok(found.iterations > 1 && found.inertia < seeds.inertia)
      }
      assert.equal(device.memory().buffers, buffers)
    })

    it('is the same over pages, and the same again; another seed begins elsewhere', async () => {
      const set = blobs(90, 6, 4, 4)
      const whole = await kmeans(set, 4, { device })
      assert.deepEqual(await kmeans(set, 4, { device }), whole)
      const paged = await kmeans(set, 4, { device: withBinding(device, 31 * 24) })
      assert.deepEqual(paged.assignments, whole.assignments)
      const others = await Promise.all([1, 2, 3].map(seed => kmeans(set, 4, { device, seed, maxIterations: 0 })))
      assert.ok(others.some(({ centroids }) => String(centroids) !== String(whole.centroids)))
    })

    it('never draws a place that is a centre already, and bears more clusters than places', async () => {
      const places = [
        [0, 0],
        [9, 0],
        [0, 7],
        [3, 3],
        [8, 8],
        [1, 6],
      ]
      const repeated = listed(Array.from({ length: 30 }, (_, i) => places[i % 6]!))
      for (const seed of [0, 1, 2, 3]) {
        const { inertia } = await kmeans(repeated, 6, { device, seed })
        assert.ok(inertia < 1e-9, `seed ${seed}: ${inertia}`)
      }
      const crowded = await kmeans(repeated, 9, { device })
      assert.ok(crowded.centroids.every(Number.isFinite))
      assert.ok(crowded.inertia < 1e-9)
    })

    it('scores clusters as classes: the majority speaks, rows without a label are clustered all the same', async () => {
      // Three places; the class of the third is not known where the clusters are found.
      const at = (place: number, i: number) => [100 * place + (i % 5), place === 1 ? 50 : 0]
      const make = (labels: number[]): FeatureSet => ({
        ...listed(labels.map((_, i) => at(i % 3, i))),
        labels: Int32Array.from(labels),
        classes: 3,
      })
      const classOf = [2, 0, -1]
      // One row of place 0 has a wrong label, which its majority overrules.
      const train = make(Array.from({ length: 60 }, (_, i) => (i === 0 ? 1 : classOf[i % 3]!)))
      const test = make(Array.from({ length: 30 }, (_, i) => [2, 0, 1][i % 3]!))
      const { accuracy, nmi } = await kmeansAccuracy(train, test, { device, clusters: 3 })
      assert.ok(Math.abs(accuracy - 2 / 3) < 1e-12, 'the cluster that has no label is always wrong')
      assert.equal(nmi, 1)
      const single = await kmeansAccuracy(train, test, { device, clusters: 1 })
      assert.deepEqual([single.accuracy, single.nmi], [1 / 3, 0])
    })

    it('refuses numbers of clusters that cannot be, and sets that do not belong together', async () => {
      const set = blobs(20, 4, 3, 8)
      for (const k of [0, 21, 2.5]) await assert.rejects(kmeans(set, k, { device }), ConfigError)
      await assert.rejects(kmeansAccuracy(set, blobs(20, 5, 3, 8), { device }), DataError)
      await assert.rejects(kmeansAccuracy({ ...set, labels: set.labels.map(() => -1) }, set, { device }), DataError)
    })
  })
}
