import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { mul, relu } from '../../src/ops/elementwise.js'
import { gather } from '../../src/ops/gather.js'
import { matmul } from '../../src/ops/matmul.js'
import { sum } from '../../src/ops/sum.js'
import { tensor } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { checkpoint, differentiable, gradients, isRecomputing, stopGradient } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { valuesOf } from '../ops/values.js'

describe('a checkpoint', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())
  afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

  const leaf = (data: number | number[]) => tensor(data, { device, requiresGradient: true })

  it('gives the values and gradients of the plain call, and runs its body again for them', async () => {
    const runs: boolean[] = []
    const weights = [0.5, -1, 2, 0.25, 1, -0.5]
    const make = (through: boolean) =>
      valuesOf(() => {
        const x = leaf([
          [1, 2],
          [3, 4],
        ] as never)
        const w = leaf([weights.slice(0, 3), weights.slice(3)] as never)
        const picked = tensor(Int32Array.of(1, 0, 1), { device })
        const body = (input: Tensor, indices: Tensor) => {
          runs.push(isRecomputing())
          return relu(gather(matmul(input, w), indices))
        }
        const y = through ? checkpoint(body as never, [x, picked], [w]) : body(x, picked)
        return [y, ...gradients(sum(mul(y, y)), [x, w])]
      })
    const plain = await make(false)
    assert.deepEqual(await make(true), plain)
    assert.deepEqual(runs, [false, false, true])
    assert.equal(isRecomputing(), false)
  })

  it('asks no op for the gradient of an input that has no use for one', () => {
    scope(() => {
      const [x, w] = [tensor([1, 2], { device }), leaf([3, 4])]
      const asked: (readonly boolean[])[] = []
      const product = (a: Tensor) =>
        differentiable(mul(stopGradient(a), stopGradient(w)), [a, w], (g, needed) => {
          asked.push(needed)
          return [null, mul(g, a)]
        })
      gradients(sum(checkpoint(product, [x], [w])), [w])
      assert.deepEqual(asked, [[false, true]])
    })
  })

  it('skips parameters that are frozen, and refuses second order rather than get it wrong', () => {
    scope(() => {
      const x = leaf([1, 2])
      const frozen = tensor([3, 4], { device })
      const y = sum(checkpoint(input => mul(mul(input, input), frozen), [x], [frozen]))
      assert.equal(gradients(y, [x]).length, 1)
      assert.throws(
        () => gradients(y, [x], { createGraph: true }),
        /GradientError: checkpoint: has first-order gradients only/,
      )
    })
  })
})
