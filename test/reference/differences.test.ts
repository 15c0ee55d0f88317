import assert from 'node:assert/strict'
import { map, type Reference } from './array.js'
import { checkGradient } from './differences.js'
import { draw, generator, normal } from './random.js'

const square: Reference = {
  forward: ([x]) => map(x!, v => v * v),
  gradient: ([x], _, dy) => [map(x!, (v, i) => 2 * v * dy.data[i]!)],
}

/** The square with a gradient of one's own. */
const withGradient = (gradient: Reference['gradient']): Reference => ({ ...square, gradient })

describe('the check by central differences', () => {
  const inputs = () => [draw([3, 4], normal(), generator(1))]

  it('accepts the gradient of a square', () => {
    checkGradient(square, inputs(), undefined, [0])
  })

  it('refuses one that is off by a hundred-thousandth', () => {
    const wrong = withGradient(([x], _, dy) => [map(x!, (v, i) => 2.00002 * v * dy.data[i]!)])
    assert.throws(() => checkGradient(wrong, inputs(), undefined, [0]), /off by/)
  })

  it('refuses one that forgets the gradient from above', () => {
    const wrong = withGradient(([x]) => [map(x!, v => 2 * v)])
    assert.throws(() => checkGradient(wrong, inputs(), undefined, [0]), /off by/)
  })

  it('refuses one that is missing', () => {
    const wrong = withGradient(() => [null])
    assert.throws(() => checkGradient(wrong, inputs(), undefined, [0]), /has a gradient/)
  })
})
