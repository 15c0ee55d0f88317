import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { type Evaluation, lbfgs } from '../../src/optim/lbfgs.js'
import { Generator } from '../../src/tensor/philox.js'

/** ½·Σ c_i·(x_i − i)²: lowest at x_i = i. */
function quadratic(curvatures: readonly number[]) {
  return (x: Float64Array): Evaluation => ({
    value: curvatures.reduce((sum, c, i) => sum + 0.5 * c * (x[i]! - i) ** 2, 0),
    gradient: Float64Array.from(curvatures, (c, i) => c * (x[i]! - i)),
  })
}

/** Σ 100·(x₂ − x₁²)² + (1 − x₁)² over neighbours, a curved valley: lowest, 0, at (1, …, 1). */
function rosenbrock(x: Float64Array): Evaluation {
  const gradient = new Float64Array(x.length)
  let value = 0
  for (let i = 0; i + 1 < x.length; i++) {
    const rise = x[i + 1]! - x[i]! ** 2
    value += 100 * rise ** 2 + (1 - x[i]!) ** 2
    gradient[i]! += -400 * x[i]! * rise - 2 * (1 - x[i]!)
    gradient[i + 1]! += 200 * rise
  }
  return { value, gradient }
}

function closeTo(x: Float64Array, expected: readonly number[], tolerance: number): void {
  expected.forEach((value, i) => {
    assert.ok(Math.abs(x[i]! - value) < tolerance, `x[${i}] = ${x[i]}, expected ${value}`)
  })
}

describe('lbfgs', () => {
  it('finds the minimum of quadratics, well and badly scaled', async () => {
    for (const curvatures of [[1], [1, 1, 1], [1, 10, 100, 1000, 1e4], [1e-3, 1, 1e3]]) {
      const { x, reason, value } = await lbfgs({ dimension: curvatures.length, evaluate: quadratic(curvatures) })
      assert.ok(reason === 'gradient' || reason === 'change', reason)
      closeTo(x, [...curvatures.keys()], 1e-3)
      assert.ok(value < 1e-8, `value ${value}`)
    }
  })

  it('follows the valley of Rosenbrock, also with a short history', async () => {
    for (const [dimension, history] of [
      [2, 100],
      [10, 100],
      [10, 3],
    ] as const) {
      const start = Array.from({ length: dimension }, (_, i) => (i % 2 === 0 ? -1.2 : 1))
      const options = { dimension, start, history, evaluate: rosenbrock, maxIterations: 300, changeTolerance: 1e-14 }
      const { x, iterations, evaluations } = await lbfgs(options)
      closeTo(x, new Array(dimension).fill(1), 1e-5)
      assert.ok(iterations <= 120 && evaluations <= 1.5 * iterations + 10, `${iterations}, ${evaluations}`)
    }
  })

  it('lowers the value at every iteration', async () => {
    const random = new Generator(3)
    const start = Array.from({ length: 6 }, () => random.uniform(-2, 2))
    let before = rosenbrock(Float64Array.from(start)).value
    for (let maxIterations = 1; maxIterations <= 25; maxIterations++) {
      const limits = { maxIterations, maxEvaluations: 1000 }
      const { value, x, iterations } = await lbfgs({ dimension: 6, start, evaluate: rosenbrock, ...limits })
      assert.equal(iterations, maxIterations)
      assert.equal(value, rosenbrock(x).value)
      assert.ok(value < before, `iteration ${maxIterations}: ${value} after ${before}`)
      before = value
    }
  })

  it('steps back from where the function is not defined', async () => {
    // x − log x, with a long first step to the left of zero.
    const evaluate = (x: Float64Array) => ({ value: x[0]! - Math.log(x[0]!), gradient: Float64Array.of(1 - 1 / x[0]!) })
    const { x } = await lbfgs({ dimension: 1, start: [30], evaluate })
    closeTo(x, [1], 1e-4)
  })

  it('awaits evaluations and counts them', async () => {
    let calls = 0
    const evaluate = async (x: Float64Array) => {
      calls++
      return rosenbrock(x)
    }
    const { evaluations, reason } = await lbfgs({ dimension: 4, start: [-1, 2, -1, 2], evaluate, maxEvaluations: 12 })
    assert.equal(evaluations, calls)
    assert.equal(reason, 'evaluations')
    assert.ok(evaluations >= 12 && evaluations < 12 + 25)
  })

  it('says why it stopped', async () => {
    const evaluate = quadratic([1, 2])
    assert.equal((await lbfgs({ dimension: 2, start: [0, 1], evaluate })).reason, 'gradient')
    assert.equal((await lbfgs({ dimension: 2, start: [5, 5], evaluate, maxIterations: 1 })).reason, 'iterations')
    assert.equal((await lbfgs({ dimension: 2, evaluate, changeTolerance: 10 })).reason, 'change')
    // A gradient that points uphill: nothing along it is lower.
    const wrong = (x: Float64Array) => ({ value: evaluate(x).value, gradient: evaluate(x).gradient.map(g => -g) })
    const { reason, iterations, x } = await lbfgs({ dimension: 2, evaluate: wrong })
    assert.deepEqual([reason, iterations, ...x], ['precision', 0, 0, 0])
  })

  it('refuses a start of another length or without a value', async () => {
    await assert.rejects(lbfgs({ dimension: 2, start: [1], evaluate: rosenbrock }), ConfigError)
    const evaluate = () => ({ value: Number.NaN, gradient: new Float64Array(2) })
    await assert.rejects(lbfgs({ dimension: 2, evaluate }), ConfigError)
  })
})
