import assert from 'node:assert/strict'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Device } from '../../../src/device/device.js'
import { batchNorm } from '../../../src/ops/batchNorm.js'
import { conv2d } from '../../../src/ops/conv2d.js'
import { add } from '../../../src/ops/elementwise.js'
import { requireGradient, tensor } from '../../../src/tensor/create.js'
import { gradients } from '../../../src/tensor/tape.js'
import type { Tensor, TypedArray } from '../../../src/tensor/tensor.js'

/** Outputs above 16 MB are written past the cache, smaller ones are not: a whole against its two halves. */
describe('outputs that are written past the cache', () => {
  let device: Device

  before(async () => {
    device = await openCPU({ threads: 2 })
  })

  after(() => device.close())

  function ramp(count: number, step: number): Float32Array {
    const values = new Float32Array(count)
    for (let i = 0; i < count; i++) values[i] = ((i * step * 7) % 101) / 10 - 5
    return values
  }

  /** What `op` makes of tensors of `shape`, and of both halves of their first axis. */
  async function wholeAndHalves(shape: readonly number[], count: number, op: (...xs: Tensor[]) => Tensor[]) {
    const [images = 1, ...rest] = shape
    const each = rest.reduce((size, length) => size * length, 1)
    assert.ok(4 * images * each > 16e6 && 2 * images * each < 16e6)
    const data = Array.from({ length: count }, (_, i) => ramp(images * each, 1 + i))
    const run = async (first: number, length: number): Promise<TypedArray[]> => {
      const xs = data.map(values =>
        tensor(values.subarray(first * each, (first + length) * each), { shape: [length, ...rest], device }),
      )
      const outs = op(...xs)
      const values = await Promise.all(outs.map(out => out.data()))
      for (const each of [...xs, ...outs]) each.dispose()
      return values
    }
    const half = images / 2
    const [whole, low, high] = [await run(0, images), await run(0, half), await run(half, half)]
    return whole.map((values, i) => ({ values, halves: [low[i]!, high[i]!] }))
  }

  function equal(results: Awaited<ReturnType<typeof wholeAndHalves>>): void {
    assert.ok(results.length > 0)
    for (const { values, halves } of results) {
      const [low, high] = halves as [TypedArray, TypedArray]
      const differs = values.findIndex((value, i) => value !== (i < low.length ? low[i] : high[i - low.length]))
      assert.equal(differs, -1)
    }
  }

  it('add', async () => equal(await wholeAndHalves([2 * 1_000_500, 3], 2, (a, b) => [add(a!, b!)])))

  for (const channels of [64, 31]) {
    it(`batch norm of ${channels} channels with ReLU and a residual, and its gradients`, async () => {
      const vector = (value: number) => tensor(ramp(channels, value), { device })
      const [runningMean, beta] = [vector(1), vector(3)]
      const [runningVariance, gamma] = [1, 2].map(value => tensor(new Float32Array(channels).fill(value), { device }))
      const rows = 2 * Math.ceil(2_050_000 / channels)
      const results = await wholeAndHalves([rows, channels], 3, (a, b, seed) => {
        const [x, residual] = [requireGradient(a!), requireGradient(b!)]
        const options = {
          gamma: gamma!,
          beta,
          runningMean,
          runningVariance: runningVariance!,
          mode: 'inference',
        } as const
        const y = batchNorm(x, { ...options, relu: true, residual })
        return [y, ...gradients(y, [x, residual], { seed: seed! })]
      })
      equal(results)
      for (const each of [runningMean, runningVariance!, gamma!, beta]) each.dispose()
    })
  }

  it('convolution by Winograd’s algorithm', async () => {
    const filter = tensor(ramp(9 * 32 * 32, 2), { shape: [3, 3, 32, 32], device })
    equal(await wholeAndHalves([164, 28, 28, 32], 1, x => [conv2d(x!, filter, { padding: 1 })]))
    filter.dispose()
  })
})
