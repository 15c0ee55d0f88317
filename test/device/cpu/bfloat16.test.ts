import assert from 'node:assert/strict'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Device } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import { conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../../../src/ops/conv2d.js'
import { matmul } from '../../../src/ops/matmul.js'
import { cosineSimilarity } from '../../../src/ops/normalize.js'
import { sum } from '../../../src/ops/sum.js'
import { currentPrecision, withPrecision } from '../../../src/tensor/context.js'
import { requireGradient, tensor } from '../../../src/tensor/create.js'
import { gradients } from '../../../src/tensor/tape.js'
import type { Tensor, TypedArray } from '../../../src/tensor/tensor.js'
import type { Array64 } from '../../reference/array.js'
import { conv2d as convolution } from '../../reference/conv2d.js'
import { draw, generator, normal } from '../../reference/random.js'
import { runSteps, tinyRun } from '../../train/tiny.js'

/** Half the distance of neighbours near 1, twice over: what one rounded product is off by. */
const EPSILON = 2 ** -8

describe('products in bfloat16', () => {
  let device: Device
  let single: Device

  before(async () => {
    // Where there is Winograd's algorithm it is faster than products in bfloat16.
    device = await openCPU({ threads: 2, winograd: false })
    single = await openCPU({ threads: 1, winograd: false })
  })

  after(() => Promise.all([device.close(), single.close()]))

  const random = generator(3)
  const array = (...shape: number[]) => draw(shape, normal(), random)
  const upload = ({ shape, data }: Array64, to = device) => tensor(Float32Array.from(data), { shape, device: to })
  const inBoth = async (product: () => Tensor): Promise<[TypedArray, TypedArray]> => [
    await withPrecision('float32', product).data(),
    await withPrecision('bfloat16', product).data(),
  ]
  const hasBfloat16 = () => device.info.features.has('bfloat16')

  /** What a processor without the instructions says to a product. */
  const refuses = (product: () => Tensor) =>
    assert.throws(
      () => withPrecision('bfloat16', product),
      error => error instanceof DeviceError && /three times slower than float32/.test(error.message),
    )

  for (const [images, size, channels, filters, kernel, stride] of [
    [4, 12, 32, 32, 3, 1],
    [4, 13, 32, 64, 3, 2],
    [21, 8, 48, 80, 3, 2],
    [3, 10, 64, 208, 3, 3],
    [2, 11, 32, 16, 5, 2],
    [5, 9, 128, 256, 1, 2],
  ] as const) {
    it(`convolves ${channels} channels to ${filters} with filters of ${kernel} × ${kernel} at stride ${stride}`, async () => {
      const padding = (kernel - 1) / 2
      const out = Math.floor((size + 2 * padding - kernel) / stride) + 1
      const [x, filter, dy] = [
        array(images, size, size, channels),
        array(kernel, kernel, channels, filters),
        array(images, out, out, filters),
      ]
      const passesOn = (on: Device) => {
        const [image, weights, gradient] = [x, filter, dy].map(each => upload(each, on))
        const options = { padding, stride }
        return [
          () => conv2d(image!, weights!, options),
          () => conv2dBackwardData(gradient!, weights!, x.shape, options),
          () => conv2dBackwardFilter(image!, gradient!, filter.shape, options),
        ]
      }
      const passes = passesOn(device)
      if (!hasBfloat16()) {
        for (const pass of passes) refuses(pass)
        return
      }
      const options = { padding, stride }
      const gradients = convolution.gradient([x, filter], options, dy)
      const exact = [convolution.forward([x, filter], options), ...gradients]
      const terms = [kernel ** 2 * channels, kernel ** 2 * filters, images * out ** 2]
      for (const [i, pass] of passes.entries()) close(await inBoth(pass), exact[i]!, terms[i]!)
      const [onTwo, onOne] = [passes[2]!, passesOn(single)[2]!].map(pass => withPrecision('bfloat16', pass).data())
      assert.deepEqual(await onTwo, await onOne, 'the number of threads changes nothing in our own sums')
    })
  }

  for (const [transposeA, transposeB] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    it(`multiplies matrices${transposeA ? ', the first transposed' : ''}${transposeB ? ', the second transposed' : ''}`, async () => {
      const [m, n, k] = [192, 160, 224]
      const [a, b] = [transposeA ? array(k, m) : array(m, k), transposeB ? array(n, k) : array(k, n)]
      const [left, right] = [upload(a), upload(b)]
      if (!hasBfloat16()) {
        refuses(() => matmul(left, right, { transposeA, transposeB }))
        return
      }
      const exact = new Float64Array(m * n)
      for (let at = 0; at < exact.length; at++) {
        const [i, j] = [Math.floor(at / n), at % n]
        for (let q = 0; q < k; q++) {
          exact[at]! += a.data[transposeA ? q * m + i : i * k + q]! * b.data[transposeB ? j * k + q : q * n + j]!
        }
      }
      const results = await inBoth(() => matmul(left, right, { transposeA, transposeB }))
      close(results, { shape: [m, n], data: exact }, k)
      assert.deepEqual(
        await withPrecision('bfloat16', () => matmul(left, right, { transposeA, transposeB })).data(),
        results[1],
      )
    })
  }

  it('gives a gradient the precision of its product, wherever it is taken, and leaves similarities alone', async () => {
    const a = requireGradient(upload(array(160, 192)))
    const b = upload(array(192, 160))
    if (!hasBfloat16()) {
      refuses(() => matmul(a, b))
      assert.equal(currentPrecision(), 'float32', 'again, after what was thrown inside')
      assert.equal((await withPrecision('bfloat16', () => cosineSimilarity(a, a)).data()).length, 160 * 160)
      return
    }
    const gradientOf = async (inside: 'float32' | 'bfloat16') => {
      const product = withPrecision(inside, () => matmul(a, b))
      return gradients(sum(product), [a])[0]!.data()
    }
    const [single, half] = [await gradientOf('float32'), await gradientOf('bfloat16')]
    assert.notDeepEqual(single, half)
    const [before, after] = await inBoth(() => cosineSimilarity(a, a))
    assert.deepEqual(before, after)
    assert.throws(() => withPrecision('bfloat16', () => assert.fail('thrown inside')), /thrown inside/)
    assert.equal(currentPrecision(), 'float32')
  })

  it('refuses a precision that there is not', () => {
    const x = upload(array(16, 16))
    assert.throws(
      () => matmul(x, x, { precision: 'float8' as 'float32' }),
      error => error instanceof DeviceError && /float8/.test(error.message),
    )
  })

  it('trains as float32 does, and the same bits every time', async () => {
    if (!hasBfloat16()) {
      await assert.rejects(
        runSteps(tinyRun(device, { precision: 'bfloat16', width: 32, side: 16 }), 0, 1),
        /lacks avx512_core_bf16/,
      )
      return
    }
    const losses = async (precision: 'float32' | 'bfloat16') => {
      const run = tinyRun(device, { precision, width: 32, side: 16 })
      await runSteps(run, 0, 12)
      return (await run.step.metrics(12)).map(({ loss }) => loss)
    }
    const [single, half, again] = [await losses('float32'), await losses('bfloat16'), await losses('bfloat16')]
    assert.deepEqual(half, again)
    assert.notDeepEqual(half, single)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length
    assert.ok(Math.abs(mean(half) / mean(single) - 1) < 0.03, `${mean(half)} and ${mean(single)}`)
  })
})

/** Both near the exact result, norm-wise; the second really rounded. @param terms how many products an element sums */
function close([single, half]: [TypedArray, TypedArray], exact: Array64, terms: number): void {
  assert.ok(errorOf(single, exact) < 1e-5, `${errorOf(single, exact)}`)
  const error = errorOf(half, exact)
  assert.ok(error > 1e-4 && error < 8 * Math.sqrt(terms) * EPSILON, `${error}`)
  assert.ok(error < 2 * EPSILON, `the errors of the products average out: ${error}`)
}

function errorOf(values: TypedArray, { data }: Array64): number {
  let [wrong, whole] = [0, 0]
  data.forEach((value, i) => {
    wrong += (values[i]! - value) ** 2
    whole += value ** 2
  })
  return Math.sqrt(wrong / whole)
}
