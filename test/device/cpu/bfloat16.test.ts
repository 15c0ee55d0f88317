import assert from 'node:assert/strict'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Device } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import { conv2d, conv2dBackwardData } from '../../../src/ops/conv2d.js'
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

  before(async () => {
    device = await openCPU({ threads: 2 })
  })

  after(() => device.close())

  const random = generator(3)
  const array = (...shape: number[]) => draw(shape, normal(), random)
  const upload = ({ shape, data }: Array64) => tensor(Float32Array.from(data), { shape, device })
  const inBoth = async (product: () => Tensor): Promise<[TypedArray, TypedArray]> => [
    await withPrecision('float32', product).data(),
    await withPrecision('bfloat16', product).data(),
  ]
  const hasBfloat16 = () => device.info.features.has('bfloat16')

  for (const [size, channels, filters, stride] of [
    [12, 32, 32, 1],
    [13, 32, 64, 2],
  ] as const) {
    it(`convolves ${channels} channels to ${filters} at stride ${stride}`, async () => {
      const out = Math.floor((size - 1) / stride) + 1
      const [x, filter, dy] = [
        array(4, size, size, channels),
        array(3, 3, channels, filters),
        array(4, out, out, filters),
      ]
      const [image, weights, gradient] = [x, filter, dy].map(upload)
      const options = { padding: 1, stride }
      if (!hasBfloat16()) {
        const refused = () => withPrecision('bfloat16', () => conv2d(image!, weights!, options))
        assert.throws(refused, /three times slower than float32/)
        return
      }
      const forward = await inBoth(() => conv2d(image!, weights!, options))
      close(forward, convolution.forward([x, filter], options), 9 * channels)
      const backward = await inBoth(() => conv2dBackwardData(gradient!, weights!, x.shape, options))
      close(backward, convolution.gradient([x, filter], options, dy)[0]!, 9 * filters)
    })
  }

  for (const [transposeA, transposeB] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    it(`multiplies matrices${transposeA ? ', the first transposed' : ''}${transposeB ? ', the second transposed' : ''}`, async () => {
      if (!hasBfloat16()) return
      const [m, n, k] = [192, 160, 224]
      const [a, b] = [transposeA ? array(k, m) : array(m, k), transposeB ? array(n, k) : array(k, n)]
      const [left, right] = [upload(a), upload(b)]
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
    if (!hasBfloat16()) return
    const a = requireGradient(upload(array(160, 192)))
    const b = upload(array(192, 160))
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
    if (!hasBfloat16()) return
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
