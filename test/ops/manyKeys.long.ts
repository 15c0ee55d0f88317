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
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { generator, unitRows } from '../reference/random.js'

const WIDTH = 128
const TEMPERATURE = 0.07
/** What a loss may need beside its inputs and gradients, and a device may hold in all. */
const BESIDE = 64 * 2 ** 20
const ALL = 2 ** 30

const dot = (a: Float32Array, i: number, b: Float32Array, j: number): number => {
  let sum = 0
  for (let c = 0; c < WIDTH; c++) sum += a[i * WIDTH + c]! * b[j * WIDTH + c]!
  return sum
}

/** Runs a loss and its gradient. */
async function measured(device: Device, z: Tensor, loss: () => Tensor) {
  device.resetPeak()
  const { live } = device.memory()
  const begin = performance.now()
  const made = scope(() => {
    const value = loss()
    return [value, ...gradients(value, [z])] as [Tensor, Tensor]
  })
  const [value, gradient] = [await made[0].item(), (await made[1].data()) as Float32Array]
  const { peak } = device.memory()
  for (const each of made) each.dispose()
  const beside = peak - live - 4 * z.size
  const seconds = (performance.now() - begin) / 1000
  console.log(`      ${(beside / 2 ** 20).toFixed(1)} MiB beside inputs and gradient, ${seconds.toFixed(1)} s`)
  assert.ok(beside <= BESIDE, `${beside} bytes beside inputs and gradient`)
  assert.ok(peak <= ALL, `${peak} bytes in all`)
  return { value, gradient }
}

/** ‖found − exact‖ of some rows against the bound of the conformance suite. */
function assertRows(found: Float32Array, exact: Map<number, Float64Array>, depth: number): void {
  let [error, norm] = [0, 0]
  for (const [row, values] of exact) {
    for (const [c, value] of values.entries()) {
      error += (found[row * WIDTH + c]! - value) ** 2
      norm += value ** 2
    }
  }
  const bound = (8 * Math.sqrt(depth) * 2 ** -23) / TEMPERATURE
  const relative = Math.sqrt(error / norm)
  assert.ok(norm > 0 && relative <= bound, `gradient off by ${relative} of its norm, allowed ${bound}`)
}

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
      // Similarities lie between −1/T and 1/T: in float64 their exponentials need no maximum.
      const sampled = [0, 1, 2, 77, 255]
      const state = new Map(sampled.map(row => [row, { sum: 0, weighted: new Float64Array(WIDTH) }]))
      const take = (row: number, from: Float32Array, j: number): void => {
        const { weighted } = state.get(row)!
        const weight = Math.exp(dot(q, row, from, j) / TEMPERATURE)
        state.get(row)!.sum += weight
        for (let c = 0; c < WIDTH; c++) weighted[c]! += weight * from[j * WIDTH + c]!
      }
      for (const row of sampled) take(row, k, row)
      for (const page of pages) {
        const data = (await page.data()) as Float32Array
        for (const row of sampled) for (let j = 0; j < pageRows; j++) take(row, data, j)
      }
      const loss = (row: number) => Math.log(state.get(row)!.sum) - dot(q, row, k, row) / TEMPERATURE
      const exact = new Map(
        sampled.map(row => {
          const { sum, weighted } = state.get(row)!
          return [row, weighted.map((value, c) => (value / sum - k[row * WIDTH + c]!) / TEMPERATURE / rows)]
        }),
      )
      assertRows(gradient, exact, 2 ** 20)
      const mean = (loss(0) + loss(1) + loss(2)) / few
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
