import assert from 'node:assert/strict'
import { normalDistribution, normalQuantile } from './normal.js'

describe('reference: the normal distribution', () => {
  it('has the quantiles of the tables', () => {
    // Abramowitz & Stegun, table 26.5.
    for (const [probability, x] of [
      [0.5, 0],
      [0.75, 0.6744897501960817],
      [0.975, 1.959963984540054],
      [0.999, 3.090232306167813],
      [1e-6, -4.753424308822899],
    ] as const) {
      assert.ok(Math.abs(normalQuantile(probability) - x) < 1e-9, `${probability}: ${normalQuantile(probability)}`)
      assert.ok(Math.abs(normalDistribution(x) - probability) < 1e-15)
    }
  })
})
