import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { mul } from '../../src/ops/elementwise.js'
import { layerNorm } from '../../src/ops/layerNorm.js'
import { cosineSimilarity, l2normalize } from '../../src/ops/normalize.js'
import { crossEntropy, logSoftmax, softmax } from '../../src/ops/softmax.js'
import { sum } from '../../src/ops/sum.js'
import { ones, tensor, zeros } from '../../src/tensor/create.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'

describe('ops on rows', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  /** The gradient of Σ (df/dx)² by the tape, and by central differences of the first-order gradient. */
  async function secondOrder(f: (x: Tensor) => Tensor, at: number[]): Promise<[number[], number[]]> {
    const square = (x: Tensor) => {
      const y = f(x)
      const [dx] = gradients(sum(mul(y, y)), [x], { createGraph: true })
      return sum(mul(dx!, dx!))
    }
    const leaf = (values: number[]) => tensor([values], { requiresGradient: true })
    const x = leaf(at)
    const [found] = gradients(square(x), [x])
    const step = 1e-2
    const differences: number[] = []
    for (let i = 0; i < at.length; i++) {
      const moved = (by: number) => square(leaf(at.map((value, j) => (i === j ? value + by : value)))).item()
      differences.push(((await moved(step)) - (await moved(-step))) / (2 * step))
    }
    return [[...(await found!.data())], differences]
  }

  for (const [name, f] of Object.entries({ softmax, logSoftmax, l2normalize: (x: Tensor) => mul(l2normalize(x), x) })) {
    it(`${name} has a second order`, async () => {
      const [found, differences] = await secondOrder(f, [0.3, -0.8, 1.1])
      for (const [i, value] of found.entries()) {
        assert.ok(
          Math.abs(value - differences[i]!) < 2e-2 * Math.max(1, ...differences.map(Math.abs)),
          `${found} ${differences}`,
        )
      }
    })
  }

  it('layerNorm and crossEntropy refuse a second order', () => {
    const x = tensor([[1, 2, 4]], { requiresGradient: true })
    const labels = tensor(Int32Array.of(1))
    for (const loss of [sum(mul(layerNorm(x), x)), crossEntropy(x, labels)]) {
      const [dx] = gradients(loss, [x], { createGraph: true })
      assert.throws(() => gradients(sum(mul(dx!, dx!)), [x]), GradientError)
    }
  })

  it('a row of zeros stays zero, and its gradient finite', async () => {
    const x = zeros([2, 3], { requiresGradient: true })
    const y = l2normalize(x)
    const [dx] = gradients(sum(y), [x])
    assert.deepEqual([...(await y.data())], [0, 0, 0, 0, 0, 0])
    for (const value of await dx!.data()) assert.ok(Number.isFinite(value))
  })

  it('layerNorm survives a mean far above the deviation', async () => {
    const y = await layerNorm(tensor([[999, 1001, 999, 1001]]), { epsilon: 0 }).data()
    assert.deepEqual([...y], [-1, 1, -1, 1])
  })

  it('crossEntropy survives logits of any size', async () => {
    const logits = tensor([
      [1e4, 1e4],
      [-1e4, 1e4],
    ])
    const loss = await crossEntropy(logits, tensor(Int32Array.of(0, 1))).item()
    assert.ok(Math.abs(loss - Math.log(2) / 2) < 1e-6)
  })

  it('refuse what does not fit', () => {
    const scalar = zeros([])
    const labels = tensor(Int32Array.of(0, 1))
    for (const op of [softmax, logSoftmax, layerNorm, l2normalize]) {
      assert.throws(() => op(scalar), ShapeError)
      assert.throws(() => op(zeros([2], { dtype: 'int32' })), DtypeError)
    }
    assert.throws(() => layerNorm(zeros([2, 3]), { gamma: ones([2]) }), ShapeError)
    assert.throws(() => cosineSimilarity(zeros([2, 3]), zeros([2, 4])), ShapeError)
    assert.throws(() => crossEntropy(zeros([3, 2]), labels), ShapeError)
    assert.throws(() => crossEntropy(zeros([2, 2]), zeros([2])), DtypeError)
    assert.throws(() => crossEntropy(zeros([2, 2]), labels, { labelSmoothing: 2 }), ConfigError)
  })
})
