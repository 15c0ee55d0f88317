import assert from 'node:assert/strict'
import type { CPUDevice } from '../../../src/device/cpu/device.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import { exp, gelu, log, relu, sigmoid, softplus, tanh } from '../../../src/ops/elementwise.js'
import { tensor } from '../../../src/tensor/create.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

describe('the native device’s own exp, log and their kin', () => {
  let device: CPUDevice

  before(async () => {
    device = await openCPU()
  })

  after(() => device.close())

  async function run(op: (x: Tensor) => Tensor, values: Float32Array): Promise<Float32Array> {
    const y = op(tensor(values, { device }))
    return (await y.data()) as Float32Array
  }

  /** Relative errors over the whole range, in units of float32's epsilon. */
  async function worst(op: (x: Tensor) => Tensor, exact: (x: number) => number, low: number, high: number) {
    const values = Float32Array.from({ length: 20_001 }, (_, i) => low + ((high - low) * i) / 20_000)
    const y = await run(op, values)
    return Math.max(...values.map((x, i) => Math.abs(y[i]! - exact(x)) / Math.abs(exact(x)) / 2 ** -23))
  }

  it('are right to a few units in the last place', async () => {
    assert.ok((await worst(exp, Math.exp, -87, 88)) < 2)
    assert.ok((await worst(log, Math.log, 1e-3, 0.999)) < 2)
    assert.ok((await worst(log, Math.log, 1.001, 1e6)) < 2)
    assert.ok((await worst(tanh, Math.tanh, 1e-4, 12)) < 4)
    assert.ok((await worst(sigmoid, x => 1 / (1 + Math.exp(-x)), -80, 80)) < 4)
    assert.ok((await worst(softplus, x => Math.log1p(Math.exp(x)), -80, 80)) < 4)
  })

  it('know the ends of the range', async () => {
    const ends = Float32Array.of(0, -0, 1e-45, 1e-39, 3e38, -3e38, Infinity, -Infinity, Number.NaN)
    assert.deepEqual([...(await run(exp, ends))], [1, 1, 1, 1, Infinity, 0, Infinity, 0, Number.NaN])
    const logs = await run(log, ends)
    assert.deepEqual([...logs.subarray(0, 2)], [-Infinity, -Infinity])
    assert.deepEqual([...logs.subarray(5)], [Number.NaN, Infinity, Number.NaN, Number.NaN])
    for (const [i, x] of [1e-45, 1e-39, 3e38].entries()) {
      assert.ok(Math.abs(logs[i + 2]! / Math.log(Math.fround(x)) - 1) < 1e-6, `log ${x}`)
    }
    assert.deepEqual([...(await run(tanh, ends.subarray(4)))], [1, -1, 1, -1, Number.NaN])
    assert.deepEqual([...(await run(sigmoid, ends.subarray(4)))], [1, 0, 1, 0, Number.NaN])
    assert.deepEqual([...(await run(relu, ends.subarray(4)))], [Math.fround(3e38), 0, Infinity, 0, Number.NaN])
    assert.ok((await run(gelu, ends.subarray(8)))[0]! !== 0, 'a NaN stays one')
  })
})
