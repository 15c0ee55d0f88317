import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { gatherRows } from '../../src/ops/gatherRows.js'
import { scatterRows } from '../../src/ops/scatterRows.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { generator, integers, normal } from '../reference/random.js'

for (const { name, open } of devices) {
  describe(`rows of a paged bank on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    const int32 = (data: number[]) => tensor(Int32Array.from(data), { device })

    function bank(values: Float32Array, columns: number, sizes: readonly number[]): Tensor[] {
      let first = 0
      return sizes.map(size => {
        const page = values.slice(first * columns, (first + size) * columns)
        first += size
        return tensor(page, { shape: [size, columns], device })
      })
    }

    async function contents(pages: readonly Tensor[]): Promise<number[]> {
      const data = await Promise.all(pages.map(page => page.data()))
      return data.flatMap(values => [...values])
    }

    for (const { columns, sizes, count } of [
      { columns: 1, sizes: [1], count: 1 },
      { columns: 3, sizes: [33], count: 31 },
      { columns: 65, sizes: [3, 1, 31], count: 70 },
      { columns: 128, sizes: [64, 64], count: 1000 },
    ]) {
      it(`${count} rows of width ${columns} to and from pages of ${sizes}: the last of an index wins`, async () => {
        const rows = sizes.reduce((sum, size) => sum + size)
        const random = generator(rows)
        const values = Float32Array.from(normal()(random, rows * columns))
        const updates = Float32Array.from(normal()(random, count * columns))
        const indices = integers(-2, rows + 2)(random, count)
        const pages = bank(values, columns, sizes)
        scope(() => scatterRows(pages, tensor(updates, { shape: [count, columns], device }), int32(indices)))
        indices.forEach((index, k) => {
          if (index < 0 || index >= rows) return
          values.set(updates.subarray(k * columns, (k + 1) * columns), index * columns)
        })
        assert.deepEqual(await contents(pages), [...values])

        const picked = scope(() => gatherRows(pages, int32(indices)))
        const expected = indices.flatMap(index =>
          index < 0 || index >= rows
            ? new Array<number>(columns).fill(0)
            : [...values.subarray(index * columns, (index + 1) * columns)],
        )
        assert.deepEqual([...(await picked.data())], expected)
        for (const each of [picked, ...pages]) each.dispose()
      })
    }

    it('a queue that wraps around drops no row, and a recorded step follows its places', async () => {
      const pages = bank(new Float32Array(5), 1, [2, 3])
      const rows = zeros([2, 1], { device })
      const places = int32([0, 0])
      const enqueue = (pointer: number) => {
        rows.write(Float32Array.of(10 + pointer, 11 + pointer))
        places.write(Int32Array.of(pointer % 5, (pointer + 1) % 5))
      }
      enqueue(0)
      const program = await device.record(() => scatterRows(pages, rows, places))
      for (const pointer of [2, 4]) {
        enqueue(pointer)
        device.replay(program)
      }
      assert.deepEqual(await contents(pages), [15, 11, 12, 13, 14])
      device.release(program)
      for (const each of [rows, places, ...pages]) each.dispose()
    })

    it('says what does not fit', () => {
      scope(() => {
        const page = zeros([3, 2], { device })
        const rows = zeros([1, 2], { device })
        const at = int32([0])
        assert.throws(() => gatherRows([], at), /ShapeError: gatherRows: wants a bank of pages .* got no page/)
        assert.throws(() => gatherRows([page, zeros([3, 1], { device })], at), ShapeError)
        assert.throws(() => gatherRows([page], rows), DtypeError)
        assert.throws(() => gatherRows([page], zeros([1, 1], { dtype: 'int32', device })), ShapeError)
        assert.throws(() => scatterRows([zeros([3], { device })], rows, at), ShapeError)
        assert.throws(() => scatterRows([page], zeros([1, 3], { device }), at), ShapeError)
        assert.throws(() => scatterRows([page], rows, int32([0, 1])), ShapeError)
        assert.throws(() => scatterRows([page], rows, rows), DtypeError)
        page.requiresGradient = true
        assert.throws(() => scatterRows([page], rows, at), GradientError)
      })
    })
  })
}
