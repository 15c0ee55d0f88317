import assert from 'node:assert/strict'
import { array } from '../reference/array.js'
import { compare } from './case.js'

describe('the bound of the conformance suite', () => {
  const expected = array([4], [1, -2, 3, -4])
  const row = { name: 'any', reference: () => expected, depth: 4 }
  const times = (factor: number) => Float32Array.from(expected.data, value => value * factor)

  it('lets rounding pass and refuses what is larger', () => {
    compare('value', times(1 + 1e-6), expected, row)
    assert.throws(() => compare('value', times(1 + 4e-6), expected, row), /off by/)
  })

  it('refuses what is not a number, and a value too few', () => {
    assert.throws(() => compare('value', times(Number.NaN), expected, row), /off by NaN/)
    assert.throws(() => compare('value', new Float32Array(3), expected, row), /number of values/)
  })

  it('wants integers exactly', () => {
    compare('indices', Int32Array.of(1, -2, 3, -4), expected, row)
    assert.throws(() => compare('indices', Int32Array.of(1, -2, 3, -5), expected, row), /indices/)
  })
})
