import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, NumericError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { cholesky, eigh } from '../../src/ops/linalg.js'
import { matmul } from '../../src/ops/matmul.js'
import { transpose } from '../../src/ops/shape.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { generator, normal } from '../reference/random.js'

describe('linalg', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())

  /** X Xᵀ of 40 vectors, as the device rounds it. */
  const covariance = (d: number): Tensor =>
    scope(() => {
      const x = tensor(Float32Array.from(normal()(generator(d), d * 40)), { shape: [d, 40], device })
      return matmul(x, transpose(x))
    })

  const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number) => {
    const error = Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))
    assert.ok(error <= tolerance, `off by ${error}, allowed ${tolerance}`)
  }

  it('eigh of a covariance: A V = V Λ, on the device', async () => {
    for (const d of [1, 3, 33]) {
      const a = covariance(d)
      const { values, vectors } = await eigh(a)
      assert.deepEqual([[...values.shape], [...vectors.shape]], [[d], [d, d]])
      const left = scope(() => matmul(a, vectors))
      const [l, v, lambda] = await Promise.all([left.data(), vectors.data(), values.data()])
      near(
        l,
        v.map((value, at) => value * lambda[at % d]!),
        1e-5 * d * lambda.at(-1)!,
      )
      assert.ok(lambda.every((value, k) => k === 0 || value >= lambda[k - 1]!))
      for (const each of [a, values, vectors, left]) each.dispose()
    }
  })

  it('cholesky of a covariance: L Lᵀ = A, on the device', async () => {
    const a = covariance(17)
    const lower = await cholesky(a)
    const again = scope(() => matmul(lower, transpose(lower)))
    near(await again.data(), await a.data(), 1e-4)
    for (const each of [a, lower, again]) each.dispose()
    assert.equal(device.memory().buffers, 0)
  })

  it('refuses what is no matrix for it', async () => {
    const refused = async (x: Tensor, kind: typeof ShapeError, message: RegExp) => {
      for (const run of [eigh, cholesky]) {
        await assert.rejects(
          run(x) as Promise<unknown>,
          (error: Error) => error instanceof kind && message.test(error.message),
        )
      }
      x.dispose()
    }
    await refused(zeros([2, 3], { device }), ShapeError, /wants a square matrix, got \[2,3\]/)
    await refused(zeros([4], { device }), ShapeError, /wants a square matrix, got \[4\]/)
    await refused(zeros([2, 2], { dtype: 'int32', device }), DtypeError, /wants float32, got int32/)
    await refused(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device },
      ),
      NumericError,
      /wants a symmetric matrix, got 3 at \[1,0\] and 2 at \[0,1\]/,
    )
    await refused(
      tensor(
        [
          [Number.NaN, 0],
          [0, 1],
        ],
        { device },
      ),
      NumericError,
      /wants finite elements/,
    )
    const indefinite = tensor(
      [
        [1, 2],
        [2, 1],
      ],
      { device },
    )
    await assert.rejects(cholesky(indefinite), /NumericError: cholesky: the matrix is not positive definite/)
    indefinite.dispose()
  })
})
