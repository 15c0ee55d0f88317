import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, ShapeError } from '../../src/device/errors.js'
import { similarityTopK, topK } from '../../src/ops/topk.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { devices } from '../conformance/devices.js'
import { generator, integers, normal } from '../reference/random.js'
import { similarity, topKIndices } from '../reference/topk.js'

for (const { name, open } of devices) {
  describe(`topK on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('orders infinities, zeros of both signs and equals as the definition says', async () => {
      const { values, indices } = topK(tensor([[-Infinity, -0, 3, 0, Infinity, 3, -Infinity]]), 7)
      assert.deepEqual([...(await indices.data())], [4, 2, 5, 1, 3, 0, 6])
      assert.deepEqual([...(await values.data())], [Infinity, 3, 3, 0, 0, -Infinity, -Infinity])
    })

    it('takes 200 of a long row', async () => {
      const x = { shape: [2, 20_000], data: Float64Array.from(normal()(generator(1), 40_000), Math.fround) }
      const { indices } = topK(tensor([...x.data], { shape: x.shape }), 200)
      assert.deepEqual([...(await indices.data())], [...topKIndices(x, 200).data])
    })

    it('goes through the keys block by block, without holding all similarities', async () => {
      const [n, m, d] = [16_384, 700, 2]
      const random = generator(2)
      const queries = integers(-9, 10)(random, n * d)
      const keys = integers(-9, 10)(random, m * d)
      device.resetPeak()
      const { live } = device.memory()
      const { values, indices } = scope(() =>
        similarityTopK(tensor(queries, { shape: [n, d] }), tensor(keys, { shape: [m, d] }), 5),
      )
      assert.ok(device.memory().peak - live < 4 * n * m * 0.75)
      const few = 50
      const scores = similarity(
        { shape: [few, d], data: Float64Array.from(queries.slice(0, few * d)) },
        { shape: [m, d], data: Float64Array.from(keys) },
      )
      const expected = [...topKIndices(scores, 5).data]
      assert.deepEqual([...(await indices.data())].slice(0, few * 5), expected)
      const found = [...(await values.data())].slice(0, few * 5)
      assert.deepEqual(
        found,
        expected.map((column, i) => scores.data[Math.floor(i / 5) * m + column]),
      )
    })

    it('numbers the rows of a bank across its pages, however short these are', async () => {
      const [n, m, d, k] = [3, 20, 4, 6]
      const values = (count: number, seed: number) => integers(-3, 4)(generator(seed), count)
      const [queries, keys] = [tensor(values(n * d, 5), { shape: [n, d] }), values(m * d, 6)]
      const cuts = [0, 2, 9, 10, m]
      const pages = cuts.slice(1).map((end, i) => {
        const begin = cuts[i]!
        return tensor(keys.slice(begin * d, end * d), { shape: [end - begin, d] })
      })
      const whole = similarityTopK(queries, tensor(keys, { shape: [m, d] }), k)
      const paged = similarityTopK(queries, pages, k)
      assert.deepEqual(await paged.indices.data(), await whole.indices.data())
      assert.deepEqual(await paged.values.data(), await whole.values.data())
      assert.throws(() => similarityTopK(queries, [], 1), ShapeError)
    })

    it('gives its heaps back', () => {
      const x = zeros([3, 9])
      const before = device.memory().buffers
      const { values, indices } = topK(x, 2)
      assert.equal(device.memory().buffers, before + 2)
      values.dispose()
      indices.dispose()
    })

    it('refuses what does not fit', () => {
      assert.throws(() => topK(zeros([2, 3]), 4), ConfigError)
      assert.throws(() => topK(zeros([2, 3]), 0), ConfigError)
      assert.throws(() => topK(zeros([3]), 1), ShapeError)
      assert.throws(() => topK(zeros([2, 3], { dtype: 'int32' }), 1), DtypeError)
      assert.throws(() => similarityTopK(zeros([2, 3]), zeros([2, 4]), 1), ShapeError)
      assert.throws(() => similarityTopK(zeros([2, 3]), zeros([2, 3]), 3), ConfigError)
    })
  })
}
