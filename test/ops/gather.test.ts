import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, ShapeError } from '../../src/device/errors.js'
import { mul } from '../../src/ops/elementwise.js'
import { gather, gatherTokens, oneHot, permute, scatterAdd } from '../../src/ops/gather.js'
import { planScatterAdd } from '../../src/ops/gather.launch.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { generator, integers, normal, permutation } from '../reference/random.js'
import { valuesOf } from './values.js'

for (const { name, open } of devices) {
  describe(`gather and scatter on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    const int32 = (data: number[], shape = [data.length]) => tensor(Int32Array.from(data), { shape, device })

    it('gather gives zeros for an index outside, and scatterAdd drops it', async () => {
      const [picked, sums, gradient] = await valuesOf(() => {
        const x = tensor(
          [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
          { device, requiresGradient: true },
        )
        const indices = int32([2, -1, 3, 0, -(2 ** 31), 2 ** 31 - 1])
        const picked = gather(x, indices)
        return [
          picked,
          scatterAdd(tensor([1, 2, 4, 8, 16, 32], { device }), indices, 3),
          ...gradients(sum(picked), [x]),
        ]
      })
      assert.deepEqual(picked!.data, [5, 6, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0])
      assert.deepEqual(sums!.data, [8, 0, 1])
      assert.deepEqual(gradient!.data, [1, 1, 0, 0, 1, 1])
    })

    it('gather takes indices of any shape, any axis, and integers', async () => {
      const [a, b] = await valuesOf(() => {
        const x = tensor(Int32Array.of(1, 2, 3, 4, 5, 6), { shape: [2, 3], device })
        return [gather(x, int32([2, 0, 1, 1], [2, 2]), -1), gather(x, int32([1], []), 0)]
      })
      assert.deepEqual(a, { shape: [2, 2, 2], data: [3, 1, 2, 2, 6, 4, 5, 5] })
      assert.deepEqual(b, { shape: [3], data: [4, 5, 6] })
    })

    it('scatterAdd sums many repeated indices exactly, whatever the number of rows', async () => {
      for (const [count, rows] of [
        [1, 1],
        [1000, 1],
        [1000, 15],
        [1000, 16],
        [5000, 257],
        [65_536, 70_000],
      ] as const) {
        const random = generator(count + rows)
        const indices = integers(-1, rows + 1)(random, count)
        // Whole numbers, so that every order gives the same sum.
        const updates = integers(-100, 100)(random, count * 2)
        const expected = new Float32Array(rows * 2)
        indices.forEach((row, k) => {
          if (row < 0 || row >= rows) return
          expected[2 * row]! += updates[2 * k]!
          expected[2 * row + 1]! += updates[2 * k + 1]!
        })
        const out = scope(() =>
          scatterAdd(tensor(Float32Array.from(updates), { shape: [count, 2], device }), int32(indices), rows),
        )
        assert.deepEqual(await out.data(), expected, `${count} to ${rows} rows`)
        out.dispose()
      }
    })

    it('scatterAdd adds in the order in which the indices stand', async () => {
      const [sums] = await valuesOf(() => {
        // 1 is lost beside 2²⁴, unless it comes after the two large ones have cancelled.
        const updates = tensor([2 ** 24, 1, 1, -(2 ** 24), 1, 2 ** 24], { device })
        return [scatterAdd(updates, int32([0, 1, 0, 0, 1, 1]), 2)]
      })
      assert.deepEqual(sums!.data, [0, Math.fround(2 + 2 ** 24)])
    })

    it('scatterAdd keeps its digits over a long segment and gives the same bits every time', async () => {
      const count = 65_536
      const updates = Float32Array.from(normal()(generator(1), count), value => 1 + 0.01 * value)
      const exact = updates.reduce((sum, value) => sum + value, 0)
      const run = () => valuesOf(() => [scatterAdd(tensor(updates, { device }), int32(new Array(count).fill(3)), 5)])
      const [[first], [second]] = [await run(), await run()]
      assert.deepEqual(first, second)
      assert.ok(Math.abs(first!.data[3]! - exact) < 8 * 2 ** -23 * exact, `${first!.data[3]} and ${exact}`)
      assert.deepEqual(first!.data.toSpliced(3, 1), [0, 0, 0, 0])
    })

    it('sorts in as many passes as the rows have digits of four bits', () => {
      const part = { buffer: { id: 1, bytes: 4 }, offset: 0, bytes: 4 }
      const kernels = (rows: number) => {
        const launch = {
          op: 'scatterAdd',
          updates: part,
          indices: part,
          out: part,
          count: 100,
          rows,
          inner: 1,
        } as const
        return planScatterAdd(launch, { limits: { maxWorkgroupsPerDimension: 65_535 } } as never).map(
          ({ kernel }) => kernel,
        )
      }
      const pass = ['sort_count', 'sort_scan', 'sort_move']
      assert.deepEqual(kernels(15), [...pass, 'segment_starts', 'segment_sum'])
      assert.deepEqual(kernels(16), [...pass, ...pass, 'segment_starts', 'segment_sum'])
      assert.equal(kernels(4096).length, 4 * 3 + 2)
    })

    it('permute is undone by its gradient', async () => {
      const order = permutation(generator(3), 300)
      const [there, gradient] = await valuesOf(() => {
        const x = tensor(
          Float32Array.from({ length: 600 }, (_, i) => i),
          { shape: [300, 2], device, requiresGradient: true },
        )
        const there = permute(x, int32(order))
        // Σ there² / 2 has the gradient x itself, when everything goes back to its place.
        return [there, ...gradients(mul(sum(mul(there, there)), 0.5), [x])]
      })
      assert.deepEqual(
        there!.data.filter((_, i) => i % 2 === 0),
        order.map(i => 2 * i),
      )
      assert.deepEqual(
        gradient!.data,
        Array.from({ length: 600 }, (_, i) => i),
      )
    })

    it('gather, scatterAdd and permute have gradients of gradients', async () => {
      const cube = (y: Tensor) => sum(mul(mul(y, y), y))
      const second = (make: (x: Tensor) => Tensor) =>
        valuesOf(() => {
          const x = tensor([1, 2, 3], { device, requiresGradient: true })
          const [first] = gradients(cube(make(x)), [x], { createGraph: true })
          return gradients(sum(first!), [x])
        })
      const [gathered] = await second(x => gather(x, int32([2, 0, 2])))
      assert.deepEqual(gathered!.data, [6, 0, 36])
      const [permuted] = await second(x => permute(x, int32([2, 0, 1])))
      assert.deepEqual(permuted!.data, [6, 12, 18])
      // Rows 0 and 2 fall together: 6·(1 + 3) each, twice over.
      const [scattered] = await second(x => scatterAdd(x, int32([0, 1, 0]), 2))
      assert.deepEqual(scattered!.data, [48, 12, 48])
    })

    it('oneHot marks the class, and nothing for one outside', async () => {
      const [a] = await valuesOf(() => [oneHot(int32([1, 0, -1, 3], [2, 2]), 3)])
      assert.deepEqual(a, { shape: [2, 2, 3], data: [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0] })
    })

    it('says what does not fit', () => {
      scope(() => {
        const x = zeros([3, 2], { device })
        const indices = int32([0, 1])
        assert.throws(
          () => gather(x, zeros([2], { device })),
          /DtypeError: gather: wants int32, got float32 \[2\]; use cast/,
        )
        assert.throws(() => gather(zeros([4], { dtype: 'uint8', device }), indices), DtypeError)
        assert.throws(() => gather(x, indices, 2), ShapeError)
        assert.throws(() => gather(zeros([], { device }), indices), ShapeError)
        assert.throws(() => scatterAdd(x, indices, 3), /scatterAdd: updates \[3,2\] want as many indices, got \[2\]/)
        assert.throws(() => scatterAdd(zeros([2], { device }), indices, 0), ShapeError)
        assert.throws(() => permute(x, indices), /permute: x \[3,2\] wants as many places as rows, got \[2\]/)
        assert.throws(() => oneHot(x, 3), DtypeError)
        assert.throws(
          () => gatherTokens(x, indices),
          /gatherTokens: wants x \[N,T,\.\.\.\] and indices \[N,k\], got \[3,2\] and \[2\]/,
        )
        assert.throws(() => gatherTokens(x, x), DtypeError)
      })
    })
  })
}
