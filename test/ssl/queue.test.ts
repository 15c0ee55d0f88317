import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { Queue } from '../../src/ssl/queue.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { devices } from '../conformance/devices.js'

for (const { name, open } of devices) {
  describe(`ssl/queue on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const make = (size: number, rows: number, options = {}) =>
      new Queue({ size, dimension: 2, rows, generator: new Generator(1), device, ...options })

    /** Rows [v, −v] of step s are v = 10 s, 10 s + 1, … */
    async function run(queue: Queue, rows: number, steps: number): Promise<number[][]> {
      const trace: number[][] = []
      for (let step = 0; step < steps; step++) {
        queue.prepare(step)
        const values = Array.from({ length: rows }, (_, i) => [10 * step + i, -(10 * step + i)])
        queue.enqueue(tensor(values, { device }))
        const held = await Promise.all(queue.pages.map(page => page.data()))
        trace.push(held.flatMap(page => [...page].filter((_, i) => i % 2 === 0)))
      }
      return trace
    }

    it('begins with random rows of length 1, the same for the same seed', async () => {
      const values = [...(await make(7, 2).pages[0]!.data())]
      assert.deepEqual([...(await make(7, 2).pages[0]!.data())], values)
      for (let row = 0; row < 7; row++) {
        assert.ok(Math.abs(Math.hypot(values[2 * row]!, values[2 * row + 1]!) - 1) < 1e-6)
      }
      assert.equal(new Set(values).size, 14)
    })

    it('overwrites the oldest rows, and goes round in the middle of a batch without dropping a row', async () => {
      const queue = make(5, 2)
      const [, , third, fourth, fifth] = await run(queue, 2, 5)
      assert.deepEqual(third, [21, 1, 10, 11, 20])
      assert.deepEqual(fourth, [21, 30, 31, 11, 20])
      assert.deepEqual(fifth, [21, 30, 31, 40, 41])
    })

    it('is full once its first rows have all been overwritten', () => {
      const queue = make(5, 2)
      assert.deepEqual(
        [0, 1, 2, 3, 4].map(step => queue.isFull(step)),
        [false, false, false, true, true],
      )
    })

    it('keeps the last rows of a batch that is larger than itself', async () => {
      assert.deepEqual(await run(make(3, 5), 5, 2), [
        [3, 4, 2],
        [14, 12, 13],
      ])
    })

    it('does the same over several pages', async () => {
      const queue = make(5, 2, { pageBytes: 16 })
      assert.deepEqual(
        queue.pages.map(({ shape }) => shape[0]),
        [2, 2, 1],
      )
      assert.deepEqual((await run(queue, 2, 5)).at(-1), [21, 30, 31, 40, 41])
      assert.deepEqual(
        queue.state().map(([key]) => key),
        ['queue.0', 'queue.1', 'queue.2'],
      )
    })

    it('refuses no rows, and other numbers of rows than it was made for', () => {
      assert.throws(() => make(0, 2), ConfigError)
      assert.throws(() => make(4, 2).enqueue(tensor([[1, 2]], { device })), ShapeError)
    })
  })
}
