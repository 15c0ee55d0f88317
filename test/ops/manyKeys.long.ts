import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { sub } from '../../src/ops/elementwise.js'
import { infoNCE } from '../../src/ops/infoNCE.js'
import { l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { randomUniform, reserve } from '../../src/ops/random.js'
import { slice } from '../../src/ops/shape.js'
import { requireGradient, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { generator, unitRows } from '../reference/random.js'
import { assertRows, dot, ExactSums, measured, TEMPERATURE, WIDTH } from './manyKeys.js'

for (const { name, open } of devices.filter(({ name }) => name !== 'webgpu-minimum-limits')) {
  describe(`very many keys on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    /** Rows of length 1, drawn on the device. */
    function drawn(random: Generator, rows: number): Tensor {
      return scope(() => {
        const state = tensor(reserve(random, rows * WIDTH), { device })
        return l2normalize(sub(randomUniform([rows, WIDTH], state), 0.5))
      })
    }

    it('InfoNCE of 256 queries against 1,048,576 keys', async () => {
      const [rows, pageRows] = [256, 2 ** 17]
      const random = new Generator(11)
      const pages = Array.from({ length: 8 }, () => drawn(random, pageRows))
      const keys = drawn(random, rows)
      const queries = requireGradient(drawn(random, rows))
      const { gradient } = await measured(device, queries, () => infoNCE(queries, keys, pages, TEMPERATURE))

      const few = 3
      const some = scope(() => {
        const [q, k] = [queries, keys].map(x => slice(x, [0, 0], [few, WIDTH])) as [Tensor, Tensor]
        return infoNCE(q, k, pages, TEMPERATURE)
      })
      const value = await some.item()
      const [q, k] = (await Promise.all([queries.data(), keys.data()])) as [Float32Array, Float32Array]
      const sampled = [0, 1, 2, 77, 255]
      const exact = new ExactSums(q, sampled)
      for (const row of sampled) exact.take(row, k, row)
      await exact.takeAll(pages)
      assertRows(gradient, new Map(sampled.map(row => [row, exact.gradient(row, k, row, rows)])), 2 ** 20)
      const mean = (exact.loss(0, k, 0) + exact.loss(1, k, 1) + exact.loss(2, k, 2)) / few
      assert.ok(Math.abs(value / mean - 1) < 1e-5, `${value}, exactly ${mean}`)
      for (const each of [some, queries, keys, ...pages]) each.dispose()
    })

    it('NT-Xent of 32,768 views', async () => {
      // Repeats of 1024 directions, in an order of its own in each view, so that float64 can count the sums of all rows.
      const [rows, directions] = [32_768, 1024]
      const unit = Float32Array.from(unitRows(WIDTH)(generator(5), directions * WIDTH))
      const directionOf = (row: number) => (row < rows / 2 ? row : 37 * row + Math.floor(row / directions)) % directions
      const values = new Float32Array(rows * WIDTH)
      const counts = new Float64Array(directions)
      for (let row = 0; row < rows; row++) {
        const direction = directionOf(row)
        values.set(unit.subarray(direction * WIDTH, (direction + 1) * WIDTH), row * WIDTH)
        counts[direction]!++
      }
      const z = tensor(values, { shape: [rows, WIDTH], device, requiresGradient: true })
      const { value, gradient } = await measured(device, z, () => ntXent(z, TEMPERATURE))

      const weights = Array.from({ length: directions }, (_, a) =>
        Float64Array.from({ length: directions }, (_, b) => Math.exp(dot(unit, a, unit, b) / TEMPERATURE)),
      )
      const sums = weights.map((of, a) => of.reduce((sum, weight, b) => sum + counts[b]! * weight, 0) - of[a]!)
      let loss = 0
      for (let row = 0; row < rows; row++) {
        const [a, b] = [directionOf(row), directionOf((row + rows / 2) % rows)]
        loss += (Math.log(sums[a]!) - dot(unit, a, unit, b) / TEMPERATURE) / rows
      }
      assert.ok(Math.abs(value / loss - 1) < 1e-5, `${value}, exactly ${loss}`)
      const exact = new Map(
        [0, 1, 1023, 16_384, 20_000, 32_767].map(row => {
          const [a, positive] = [directionOf(row), directionOf((row + rows / 2) % rows)]
          const of = new Float64Array(WIDTH)
          for (let b = 0; b < directions; b++) {
            const pulls = weights[a]![b]! * (1 / sums[a]! + 1 / sums[b]!)
            const times = pulls * (counts[b]! - Number(a === b)) - 2 * Number(b === positive)
            for (let c = 0; c < WIDTH; c++) of[c]! += (times * unit[b * WIDTH + c]!) / TEMPERATURE / rows
          }
          return [row, of]
        }),
      )
      assertRows(gradient, exact, rows)
      z.dispose()
    })
  })
}
