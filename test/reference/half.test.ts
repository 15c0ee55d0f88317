import assert from 'node:assert/strict'
import { half } from './half.js'

describe('half', () => {
  it('keeps what float16 has, and rounds the rest to the nearest, ties to even', () => {
    for (const x of [0, 1, -0.5, 1023.5, 65_504, 2 ** -24, 3 * 2 ** -24]) assert.equal(half(x), x)
    const step = 2 ** -10
    assert.deepEqual([1 + 0.4 * step, 1 + 0.5 * step, 1 + 1.5 * step, -1 - 0.6 * step].map(half), [
      1,
      1,
      1 + 2 * step,
      -1 - step,
    ])
    assert.deepEqual([2 ** -26, 0.7 * 2 ** -24, 65_519, 65_520, -1e9].map(half), [
      0,
      2 ** -24,
      65_504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ])
  })
})
