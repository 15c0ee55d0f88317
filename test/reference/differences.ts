import assert from 'node:assert/strict'
import { type Array64, map, type Reference } from './array.js'
import { draw, generator, normal } from './random.js'

const before = (x: number) => x + 0.25 * Math.sin(x)
const beforeDerivative = (x: number) => 1 + 0.25 * Math.cos(x)
const relative = 1e-6

/**
 * Checks the gradients of a reference op by central differences in float64. The op stands mid-graph,
 * loss = Σ w · sin(op(x + sin(x)/4)), so that a gradient which forgets the one arriving from above fails as well.
 * Norm-wise, to 1e-6. `checked` names the inputs that have a gradient; the others must give `null`.
 */
export function checkGradient<Attributes>(
  reference: Reference<Attributes>,
  inputs: Array64[],
  attributes: Attributes,
  checked: readonly number[],
): void {
  const inner = (): Array64[] => inputs.map((x, k) => (checked.includes(k) ? map(x, before) : x))
  const y = reference.forward(inner(), attributes)
  const weight = draw(y.shape, normal(), generator(91))
  const outputGradient = map(y, (value, i) => weight.data[i]! * Math.cos(value))
  const gradients = reference.gradient(inner(), attributes, outputGradient)
  assert.equal(gradients.length, inputs.length, 'one gradient an input')
  const loss = () => {
    const value = reference.forward(inner(), attributes)
    return value.data.reduce((sum, v, i) => sum + weight.data[i]! * Math.sin(v), 0)
  }
  inputs.forEach((x, k) => {
    const gradient = gradients[k]!
    if (!checked.includes(k)) {
      assert.equal(gradient, null, `input ${k} has no gradient`)
      return
    }
    assert.ok(gradient, `input ${k} has a gradient`)
    assert.deepEqual(gradient.shape, x.shape)
    let error = 0
    let norm = 0
    for (let i = 0; i < x.data.length; i++) {
      const difference = centralDifference(loss, x.data, i)
      const analytic = gradient.data[i]! * beforeDerivative(x.data[i]!)
      error += (analytic - difference) ** 2
      norm += difference ** 2
    }
    // The differences themselves carry about 1e-11 a value of rounding; it matters where the true gradient is zero.
    const bound = relative * Math.sqrt(norm) + 1e-9 * Math.sqrt(x.data.length)
    assert.ok(Math.sqrt(error) <= bound, `input ${k}: off by ${Math.sqrt(error)}, allowed ${bound}`)
  })
}

/** (f(x + h) − f(x − h)) / 2h with h = 1e-5: truncation about 1e-10, rounding about 1e-11. */
function centralDifference(loss: () => number, values: Float64Array, i: number): number {
  const step = 1e-5
  const value = values[i]!
  values[i] = value + step
  const above = loss()
  values[i] = value - step
  const below = loss()
  values[i] = value
  return (above - below) / (2 * step)
}
