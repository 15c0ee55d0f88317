import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { Correlation } from '../../src/ssl/correlation.js'
import type { DirectCopy } from '../../src/ssl/directcopy.js'
import { type DirectPred, directPredictor, type EigenvalueRule } from '../../src/ssl/directpred.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { devices } from '../conformance/devices.js'
import { eager, runSteps, type TinyRun, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'

function assertNear(actual: ArrayLike<number>, expected: readonly number[], bound: number, what = ''): void {
  assert.equal(actual.length, expected.length)
  const error = Math.hypot(...expected.map((value, i) => actual[i]! - value))
  assert.ok(error <= bound, `${what} off by ${error}: ${Array.from(actual)}, wanted ${expected}`)
}

describe('ssl/directpred: the predictor from the correlation', () => {
  const W = (correlation: number[], rule: EigenvalueRule) =>
    directPredictor(Float64Array.from(correlation), Math.sqrt(correlation.length), rule)

  it('has p = √s + ε·max s in the paper, and √(s / max s) + ε in the code', () => {
    assertNear(W([4, 0, 0, 1], { epsilon: 0.1, scaling: 'paper' }), [2.4, 0, 0, 1.4], 1e-12)
    assertNear(W([4, 0, 0, 1], { epsilon: 0.1, scaling: 'code' }), [1.1, 0, 0, 0.6], 1e-12)
    assertNear(W([4, 0, 0, 1], { epsilon: 0, scaling: 'paper' }), [2, 0, 0, 1], 1e-12)
  })

  it('keeps the eigenvectors: 4 along (1, 1) and 1 along (1, −1)', () => {
    assertNear(W([2.5, 1.5, 1.5, 2.5], { epsilon: 0.1, scaling: 'paper' }), [1.9, 0.5, 0.5, 1.9], 1e-12)
    assertNear(W([2.5, 1.5, 1.5, 2.5], { epsilon: 0.1, scaling: 'code' }), [0.85, 0.25, 0.25, 0.85], 1e-12)
  })

  it('takes eigenvalues that rounding made negative for 0, and is finite for a collapsed network', () => {
    assertNear(W([1, 0, 0, -1e-9], { epsilon: 0, scaling: 'paper' }), [1, 0, 0, 0], 1e-12)
    assertNear(W([1, 0, 0, -1e-9], { epsilon: 0, scaling: 'code' }), [1, 0, 0, 1e-4], 1e-12)
    assertNear(W([0, 0, 0, 0], { epsilon: 0.1, scaling: 'paper' }), [0, 0, 0, 0], 0)
    assertNear(W([0, 0, 0, 0], { epsilon: 0.1, scaling: 'code' }), [0.1, 0, 0, 0.1], 1e-12)
  })
})

const tiny = (
  device: Device,
  method: 'directpred' | 'directcopy',
  options: Record<string, unknown> = {},
  settings: Record<string, unknown> = {},
): TinyRun => tinyRun(device, { method, options: { momentum: 0.9, ...options }, ...settings })

function noise(count: number, seed: number): Tensor {
  const generator = new Generator(seed)
  const values = Float32Array.from({ length: count * 192 }, () => generator.normal())
  return tensor(values, { shape: [count, 8, 8, 3] })
}

for (const { name, open } of devices) {
  describe(`ssl/directpred and ssl/directcopy on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('averages the correlation, from the first batch on', async () => {
      const correlation = new Correlation(2, 0.3, device)
      const batches = [
        [1, 0, 0, 2],
        [2, 2, 0, 0],
        [0, 0, 0, 4],
      ]
      const expected = [
        [0.5, 0, 0, 2],
        // 0.3·[0.5, 0; 0, 2] + 0.7·[2, 2; 2, 2]
        [1.55, 1.4, 1.4, 2],
        // 0.3·[1.55, 1.4; 1.4, 2] + 0.7·[0, 0; 0, 8]
        [0.465, 0.42, 0.42, 6.2],
      ]
      for (const [step, values] of batches.entries()) {
        correlation.prepare(step)
        correlation.add(tensor(values, { shape: [2, 2], device }))
        assertNear(await correlation.matrix.data(), expected[step]!, 1e-6, `step ${step}`)
      }
    })

    it('counts the projections of both views, not centred and not of length 1', async () => {
      const run = tiny(device, 'directpred')
      const method = run.method as DirectPred
      const views = [noise(6, 1), noise(6, 2)]
      const { encoder, projector } = method.networks
      const rows = await Promise.all(views.map(view => projector.forward(encoder.forward(view)).data()))
      const expected = Array.from({ length: 64 }, (_, at) => {
        const [i, j] = [Math.floor(at / 8), at % 8]
        const products = rows.flatMap(z => Array.from({ length: 6 }, (_, row) => z[8 * row + i]! * z[8 * row + j]!))
        return products.reduce((sum, value) => sum + value, 0) / 12
      })
      method.prepare(0)
      method.loss(batchOf(...views))
      const found = await run.state.get('method.correlation')!.data()
      assertNear(found, expected, 1e-5 * Math.hypot(...expected))
    })

    const ruled = async (run: TinyRun) => {
      const correlation = Float64Array.from(await run.state.get('method.correlation')!.data())
      return Array.from(directPredictor(correlation, 8, (run.method as DirectPred).options), Math.fround)
    }

    it('sets its predictor after steps 0, n, 2n, …; between them it follows its gradient', async () => {
      const run = tiny(device, 'directpred', { every: 3 }, { schedule: { form: 'constant', warmup: 0 } })
      const weight = run.state.get('predictor.weight')!
      for (let step = 0; step < 7; step++) {
        const before = [...(await weight.data())]
        await run.step.run(step)
        const [after, set] = [[...(await weight.data())], await ruled(run)]
        assert.notDeepEqual(after, before)
        if (step % 3 === 0) assert.deepEqual(after, set, `set after step ${step}`)
        else {
          assert.notDeepEqual(after, set, `learned at step ${step}`)
          // A step of 0.06 · 8 / 256 along a gradient, and what momentum adds.
          assertNear(after, before, 0.02 * Math.hypot(...before))
        }
      }
    })

    it('copies: F / ‖F‖ + ε·I, or F + ε·I, after every step', async () => {
      for (const normalised of [true, false]) {
        const run = tiny(device, 'directcopy', { normalised, epsilon: 0.25 })
        for (let step = 0; step < 3; step++) {
          await run.step.run(step)
          const correlation = [...(await run.state.get('method.correlation')!.data())]
          const norm = normalised ? Math.hypot(...correlation) : 1
          const expected = correlation.map((value, at) => value / norm + (at % 9 === 0 ? 0.25 : 0))
          assertNear(await run.state.get('predictor.weight')!.data(), expected, 1e-6 * Math.hypot(...expected))
        }
      }
    })

    it('copies from a network that has collapsed to zeros, without NaN', async () => {
      const run = tiny(device, 'directcopy')
      const method = run.method as DirectCopy
      method.prepare(0)
      run.state.get('method.correlation')!.write(new Float32Array(64))
      method.afterStep()
      const expected = Array.from({ length: 64 }, (_, at) => (at % 9 === 0 ? 0.1 : 0))
      assertNear(await run.state.get('predictor.weight')!.data(), expected, 1e-7)
    })

    for (const method of ['directpred', 'directcopy'] as const) {
      it(`${method} is the same recorded and eager, and goes on from its tensors as if it had never stopped`, async () => {
        const options = method === 'directpred' ? { every: 2 } : {}
        const [whole, plain] = [tiny(device, method, options), tiny(eager(device), method, options)]
        for (const run of [whole, plain]) await runSteps(run, 0, 7)
        assert.deepEqual(await valuesOf(plain), await valuesOf(whole))
        const killed = tiny(device, method, options)
        await runSteps(killed, 0, 4)
        const saved = await readTensors(killed.state)
        const resumed = tiny(device, method, options)
        writeTensors(resumed.state, saved, 'memory')
        await runSteps(resumed, 4, 7)
        assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
      })
    }
  })
}
