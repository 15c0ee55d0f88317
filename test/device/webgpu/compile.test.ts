import assert from 'node:assert/strict'
import { open } from '../../../src/open.js'
import { add, exp, mul, sub } from '../../../src/ops/elementwise.js'
import { matmul } from '../../../src/ops/matmul.js'
import { sum } from '../../../src/ops/sum.js'
import { tensor } from '../../../src/tensor/create.js'
import { scope } from '../../../src/tensor/scope.js'
import { countCalls } from './spy.js'

describe('webgpu: compiling', () => {
  it('a recording compiles side by side, each kernel once, and the device tells how long that took', async () => {
    const fresh = await open({ device: 'webgpu' })
    const x = tensor(new Float32Array(16).fill(0.5), { shape: [4, 4], device: fresh })
    const body = () => scope(() => void sum(exp(mul(matmul(x, x), 2))))
    assert.deepEqual(fresh.compilation(), { pipelines: 0, ms: 0 })
    const counts = await countCalls(fresh, async () => {
      for (let i = 0; i < 2; i++) await fresh.record(body)
    })
    assert.deepEqual(
      [counts['device.createComputePipelineAsync'], counts['device.createComputePipeline']],
      [4, undefined],
    )
    const { pipelines, ms } = fresh.compilation()
    assert.ok(pipelines === 4 && ms > 0, `${pipelines} pipelines in ${ms} ms`)
    await fresh.close()
  })

  it('eager code that is waited for compiles side by side, too, and what is written meanwhile comes after it', async () => {
    const fresh = await open({ device: 'webgpu' })
    const x = tensor([1, 2, 3, 4], { device: fresh })
    const expected: number[][] = []
    const counts = await countCalls(fresh, async () => {
      const y = scope(() => exp(mul(add(x, x), 0.5)))
      const [first, again] = [y.data(), y.data()]
      expected.push([...(await first)], [...(await again)])
      y.dispose()
    })
    const exponentials = [1, 2, 3, 4].map(value => Math.fround(Math.exp(value)))
    for (const [i, values] of expected.entries()) {
      for (const [at, value] of values.entries())
        assert.ok(Math.abs(value / exponentials[at]! - 1) < 1e-5, `${i}: ${value}`)
    }
    assert.deepEqual(
      [counts['device.createComputePipelineAsync'], counts['device.createComputePipeline']],
      [3, undefined],
    )

    const z = sub(x, 1)
    const before = z.data()
    z.write(new Float32Array(4))
    const after = z.data()
    assert.deepEqual([...(await before)], [0, 1, 2, 3])
    assert.deepEqual([...(await after)], [0, 0, 0, 0])
    await fresh.close()
  })
})
