import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { bankSoftmax } from '../../src/ops/bankSoftmax.js'
import { logNormaliserOf, nce } from '../../src/ops/nce.js'
import { MemoryBank } from '../../src/ssl/memoryBank.js'
import { requireGradient, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { assertRows, dot, ExactSums, measured, TEMPERATURE, WIDTH } from '../ops/manyKeys.js'
import { generator, unitRows } from '../reference/random.js'

/** ImageNet's pictures: 626 MiB of embeddings, five bindings of WebGPU's default size. */
const IMAGES = 1_281_167
const ROWS = 256
const MOMENTUM = 0.5

for (const { name, open } of devices.filter(({ name }) => name !== 'webgpu-minimum-limits')) {
  describe(`a memory bank for ImageNet on ${name}`, () => {
    let device: Device
    let bank: MemoryBank
    let queries: Tensor
    let indices: Tensor
    const q = Float32Array.from(unitRows(WIDTH)(generator(3), ROWS * WIDTH))
    const random = new Generator(8)
    // The first, the last, both sides of where pages of 128 MiB meet, and any others.
    const known = [0, IMAGES - 1, 2 ** 18 - 1, 2 ** 18, 2 ** 20]
    const own = Int32Array.from({ length: ROWS }, (_, i) => known[i] ?? random.integer(IMAGES))
    const sampled = [0, 1, 2, 3, 4, 200]

    before(async () => {
      device = await open()
      bank = new MemoryBank({ size: IMAGES, dimension: WIDTH, momentum: MOMENTUM, generator: random, device })
      queries = requireGradient(tensor(q, { shape: [ROWS, WIDTH], device }))
      indices = tensor(own, { device })
    })
    after(() => device.close())

    async function ownRows(): Promise<Float32Array> {
      const rows = scope(() => bank.rows(indices))
      const data = (await rows.data()) as Float32Array
      rows.dispose()
      return data
    }

    it('the softmax over all of it', async () => {
      const { gradient } = await measured(device, queries, () => bankSoftmax(queries, indices, bank.pages, TEMPERATURE))
      const exact = new ExactSums(q, sampled)
      await exact.takeAll(bank.pages)
      const k = await ownRows()
      assertRows(gradient, new Map(sampled.map(row => [row, exact.gradient(row, k, row, ROWS)])), IMAGES)
      for (const row of sampled) {
        const [one, at] = [row, row + 1].map(i => i * WIDTH)
        const query = tensor(q.slice(one, at), { shape: [1, WIDTH], device })
        const index = tensor(own.slice(row, row + 1), { device })
        const loss = scope(() => bankSoftmax(query, index, bank.pages, TEMPERATURE))
        const [value, wanted] = [await loss.item(), exact.loss(row, k, row)]
        assert.ok(Math.abs(value / wanted - 1) < 1e-5, `row ${row}: ${value}, exactly ${wanted}`)
        for (const each of [query, index, loss]) each.dispose()
      }
    })

    it('NCE with 4096 negatives a query', async () => {
      const drawn = 4096
      const picks = Int32Array.from({ length: ROWS * drawn }, () => random.integer(IMAGES))
      const negatives = tensor(picks, { shape: [ROWS, drawn], device })
      const logNormaliser = logNormaliserOf(queries, bank.pages, negatives, TEMPERATURE)
      const { gradient } = await measured(device, queries, () =>
        nce(queries, bank.pages, indices, negatives, { temperature: TEMPERATURE, logNormaliser }),
      )
      const logZ = await logNormaliser.item()
      const pages = new Map<number, Float32Array>()
      let first = 0
      for (const page of bank.pages) {
        pages.set(first, (await page.data()) as Float32Array)
        first += page.shape[0]!
      }
      const rowOf = (index: number): [Float32Array, number] => {
        const [begin, page] = [...pages].filter(([begin]) => begin <= index).at(-1)!
        return [page, index - begin]
      }
      const level = drawn / IMAGES + 1e-7
      const exact = new Map(
        sampled.map(row => {
          const pull = new Float64Array(WIDTH)
          const take = (index: number, factor: (share: number) => number) => {
            const [page, at] = rowOf(index)
            const chance = Math.exp(dot(q, row, page, at) / TEMPERATURE - logZ)
            const by = factor(chance / (chance + level)) / TEMPERATURE / ROWS
            for (let c = 0; c < WIDTH; c++) pull[c]! += by * page[at * WIDTH + c]!
          }
          take(own[row]!, share => share - 1)
          for (const index of picks.subarray(row * drawn, (row + 1) * drawn)) take(index, share => share)
          return [row, pull]
        }),
      )
      assertRows(gradient, exact, drawn)
      for (const each of [negatives, logNormaliser]) each.dispose()
    })

    it('moves the rows of a batch, wherever they lie', async () => {
      const before = await ownRows()
      bank.update(indices, queries)
      const after = await ownRows()
      for (const row of sampled) {
        const moved = Array.from({ length: WIDTH }, (_, c) => {
          return MOMENTUM * before[row * WIDTH + c]! + (1 - MOMENTUM) * q[row * WIDTH + c]!
        })
        const norm = Math.hypot(...moved)
        moved.forEach((value, c) => {
          assert.ok(Math.abs(after[row * WIDTH + c]! - value / norm) < 1e-6)
        })
      }
    })
  })
}
