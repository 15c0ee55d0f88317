import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, ShapeError } from '../../src/device/errors.js'
import { mul } from '../../src/ops/elementwise.js'
import { concat, slice, transpose } from '../../src/ops/shape.js'
import { planCopy } from '../../src/ops/shape.launch.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { valuesOf } from './values.js'

const counting = (size: number) => Float32Array.from({ length: size }, (_, i) => i)

for (const { name, open } of devices) {
  describe(`shape ops on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    it('transpose reverses the axes where none are named, also of scalars and vectors', async () => {
      const [a, b, c] = await valuesOf(() => [
        transpose(tensor(counting(6), { shape: [2, 3], device })),
        transpose(tensor([1, 2], { device })),
        transpose(tensor(7, { device })),
      ])
      assert.deepEqual(a, { shape: [3, 2], data: [0, 3, 1, 4, 2, 5] })
      assert.deepEqual(b, { shape: [2], data: [1, 2] })
      assert.deepEqual(c, { shape: [], data: [7] })
    })

    it('transpose counts negative axes from the back, and transposing back gives the same', async () => {
      const [x, there, back] = await valuesOf(() => {
        const x = tensor(counting(2 * 3 * 5 * 4), { shape: [2, 3, 5, 4], device })
        const there = transpose(x, [-1, 0, 2, 1])
        return [x, there, transpose(there, [1, 3, 2, 0])]
      })
      assert.deepEqual(there!.shape, [4, 2, 5, 3])
      assert.equal(there!.data[(2 * 2 + 1) * 15 + 3 * 3 + 2], ((1 * 3 + 2) * 5 + 3) * 4 + 2)
      assert.deepEqual(back, x)
    })

    it('transpose shares memory where only axes of length 1 move', () => {
      scope(() => {
        const x = zeros([1, 3, 1, 4], { device })
        const { buffers } = device.memory()
        assert.deepEqual([...transpose(x, [1, 0, 3, 2]).shape], [3, 1, 4, 1])
        assert.equal(device.memory().buffers, buffers)
        transpose(x, [3, 1, 0, 2])
        assert.equal(device.memory().buffers, buffers + 1)
      })
    })

    it('moves int32 and uint32 bit for bit, and refuses uint8', async () => {
      const words = Uint32Array.of(0, 2 ** 32 - 1, 0x7fc00001, 1, 0x80000000, 5)
      const found = await valuesOf(() => {
        const x = tensor(words, { shape: [2, 3], device })
        const y = tensor(new Int32Array(words.buffer), { shape: [2, 3], device })
        return [transpose(transpose(x)), concat([slice(y, [0, 1], [2, 2]), slice(y, [0, 0], [2, 1])], 1)]
      })
      assert.deepEqual(found[0]!.data, [...words])
      const signed = new Int32Array(words.buffer)
      assert.deepEqual(
        found[1]!.data,
        [1, 2, 0, 4, 5, 3].map(i => signed[i]),
      )
      scope(() => {
        const bytes = zeros([4, 4], { dtype: 'uint8', device })
        assert.throws(() => transpose(bytes), DtypeError)
        assert.throws(() => slice(bytes, [0, 0], [1, 1]), DtypeError)
        assert.throws(() => concat([bytes, bytes], 0), DtypeError)
        assert.throws(() => concat([tensor([1], { device }), tensor(Int32Array.of(1), { device })], 0), /of one dtype/)
      })
    })

    it('says what does not fit', () => {
      scope(() => {
        const x = zeros([2, 3], { device })
        assert.throws(() => transpose(x, [0, 0]), /transpose: wants each of the 2 axes of \[2,3\] once, got \[0,0\]/)
        assert.throws(() => transpose(x, [0]), ShapeError)
        assert.throws(() => transpose(x, [0, 2]), /axis 2 of a tensor of rank 2/)
        for (const [starts, sizes] of [
          [[0], [1]],
          [
            [0, 0],
            [3, 1],
          ],
          [
            [-1, 0],
            [1, 1],
          ],
          [
            [1, 3],
            [1, 1],
          ],
          [
            [0, 0],
            [0, 1],
          ],
          [
            [0.5, 0],
            [1, 1],
          ],
        ] as const) {
          assert.throws(
            () => slice(x, starts, sizes),
            /ShapeError: slice: the block \[.*\] at \[.*\] does not lie in x \[2,3\]/,
          )
        }
        assert.throws(() => concat([], 0), ShapeError)
        assert.throws(
          () => concat([x, zeros([3, 3], { device })], 1),
          /concat: \[2,3\] and \[3,3\] differ along another axis/,
        )
        assert.throws(() => concat([x, zeros([2], { device })], 0), ShapeError)
        assert.throws(() => concat([x, x], 2), ShapeError)
      })
    })

    it('concat counts a negative axis from the back, and one piece is a copy of its own', async () => {
      const [joined, single] = await valuesOf(() => {
        const [a, b] = [
          tensor([[1], [2]], { device }),
          tensor(
            [
              [3, 4],
              [5, 6],
            ],
            { device },
          ),
        ]
        return [concat([a, b], -1), concat([b], 0)]
      })
      assert.deepEqual(joined, { shape: [2, 3], data: [1, 3, 4, 2, 5, 6] })
      assert.deepEqual(single, { shape: [2, 2], data: [3, 4, 5, 6] })
    })

    it('has gradients of gradients', async () => {
      const [first, second] = await valuesOf(() => {
        const x = tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { device, requiresGradient: true },
        )
        // The middle column, squared and cubed through all three ops.
        const middle = slice(transpose(x), [1, 0], [1, 2])
        const both = concat([mul(middle, middle), mul(mul(middle, middle), middle)], 0)
        const [first] = gradients(sum(both), [x], { createGraph: true })
        const [second] = gradients(sum(first as Tensor), [x])
        return [first!, second!]
      })
      assert.deepEqual(first!.data, [0, 2 * 2 + 3 * 4, 0, 0, 2 * 5 + 3 * 25, 0])
      assert.deepEqual(second!.data, [0, 2 + 6 * 2, 0, 0, 2 + 6 * 5, 0])
    })

    it('merges axes over which both sides walk on', () => {
      const part = { buffer: { id: 1, bytes: 1 << 20 }, offset: 0, bytes: 1 << 20 }
      const rank = (shape: number[], sourceStrides: number[], outStrides: number[]) => {
        const launch = {
          op: 'copy',
          source: part,
          out: part,
          shape,
          sourceAt: 0,
          sourceStrides,
          outAt: 0,
          outStrides,
        } as const
        const [dispatch] = planCopy(launch, { limits: { maxWorkgroupsPerDimension: 65_535 } } as never)
        return dispatch!.parameters!.RANK
      }
      assert.equal(rank([2, 3, 4], [12, 4, 1], [12, 4, 1]), 1)
      assert.equal(rank([2, 3, 4], [24, 4, 1], [12, 4, 1]), 2)
      assert.equal(rank([2, 3, 4], [1, 2, 6], [12, 4, 1]), 3)
      assert.equal(rank([2, 1, 4], [1, 2, 2], [4, 4, 1]), 2)
      assert.equal(rank([1, 1], [1, 1], [1, 1]), 1)
    })
  })
}
