import assert from 'node:assert/strict'
import { geometricMean, median, quantile, spread } from '../../bench/statistics.js'

describe('bench: statistics', () => {
  it('the median is the middle value, or half way between the two in the middle, and sorts by size', () => {
    assert.equal(median([10, 9, 100]), 10)
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([7]), 7)
  })

  it('quantiles are interpolated as numpy.quantile does', () => {
    assert.equal(quantile([1, 2, 3, 4], 0.25), 1.75)
    assert.equal(quantile([1, 2, 3, 4], 1), 4)
  })

  it('of no values there is no quantile', () => {
    assert.throws(() => quantile([], 0.5), RangeError)
  })

  it('the spread is half the interquartile range over the median, and an outlier hardly moves it', () => {
    assert.equal(spread([8, 9, 10, 11, 12]), 0.1)
    assert.equal(spread([8, 9, 10, 11, 1200]), 0.1)
    assert.equal(spread([5]), 0)
  })

  it('twice as fast and half as fast are as fast, by the geometric mean', () => {
    assert.ok(Math.abs(geometricMean([2, 0.5]) - 1) < 1e-12)
  })
})
