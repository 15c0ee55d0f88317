import assert from 'node:assert/strict'
import { DataError } from '../../src/device/errors.js'
import { alignment, diagnose, effectiveRank, singularValues, uniformity } from '../../src/eval/diagnostics.js'
import { Generator } from '../../src/tensor/philox.js'

function close(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected}`)
}

/** Rows [rows, dimension] with a common offset and normal noise in the first `directions` dimensions. */
function cloud(rows: number, dimension: number, directions: number, offset: number, noise = 1): Float32Array {
  const random = new Generator(11, `${rows}/${directions}`)
  return Float32Array.from({ length: rows * dimension }, (_, i) => {
    const column = i % dimension
    return (column === 0 ? offset : 0) + (column < directions ? noise * random.normal() : 0)
  })
}

describe('diagnostics', () => {
  it('has the singular values of known matrices, tall and wide', () => {
    // [[3, 0], [4, 5]]: 3√5 and √5; its transpose beside a column of zeros is wide.
    for (const [matrix, columns] of [
      [[3, 0, 4, 5], 2],
      [[3, 0, 4, 5, 0, 0], 2],
      [[3, 4, 0, 0, 5, 0], 3],
    ] as const) {
      const values = singularValues(Float64Array.from(matrix), columns)
      assert.equal(values.length, 2)
      close(values[0]!, 3 * Math.sqrt(5), 1e-7)
      close(values[1]!, Math.sqrt(5), 1e-7)
    }
  })

  it('keeps ΣΣx² in the singular values of a random matrix', () => {
    const x = Float64Array.from(cloud(40, 12, 12, 0))
    const values = singularValues(x, 12)
    close(
      values.reduce((sum, value) => sum + value ** 2, 0),
      x.reduce((sum, value) => sum + value ** 2, 0),
      1e-8,
    )
    assert.deepEqual(
      values,
      values.slice().sort((a, b) => b - a),
    )
  })

  it('counts directions: effective rank', () => {
    close(effectiveRank(Float64Array.of(2, 2, 2, 2)), 4)
    close(effectiveRank(Float64Array.of(7, 0, 0)), 1)
    close(effectiveRank(Float64Array.of(0, 0)), 1)
    // Shares ½, ¼, ¼: entropy 1.5 bits.
    close(effectiveRank(Float64Array.of(2, 1, 1)), 2 ** 1.5)
  })

  it('has alignment and uniformity by their formulas', () => {
    const axes = Float64Array.of(1, 0, 0, 1, -1, 0)
    // Distances² of the pairs: 2, 4, 2.
    close(uniformity(axes, 2), Math.log((2 * Math.exp(-4) + Math.exp(-8)) / 3))
    close(uniformity(Float64Array.of(0, 1, 0, 1), 2), 0)
    close(alignment(axes, Float64Array.of(1, 0, 1, 0, 1, 0), 2), (0 + 2 + 4) / 3)
  })

  it('calls vectors in all directions healthy', () => {
    const found = diagnose(cloud(600, 32, 32, 0), 32)
    const { verdict, deviation, fullDeviation, spread, effectiveRank: rank, uniformity: even } = found
    assert.equal(verdict, 'healthy')
    close(fullDeviation, 1 / Math.sqrt(32))
    close(deviation / fullDeviation, 1, 0.02)
    close(spread, 1, 0.02)
    assert.ok(rank > 31 && rank <= 32, `rank ${rank}`)
    assert.ok(even < -3.5, `uniformity ${even}`)
  })

  it('calls vectors that are all alike collapsed, with or without noise', () => {
    for (const noise of [0, 0.01]) {
      const { verdict, sentence, effectiveRank: rank, uniformity: even } = diagnose(cloud(100, 16, 16, 1, noise), 16)
      assert.equal(verdict, 'collapsed')
      assert.match(sentence, /^collapsed: all images have nearly the same embedding/)
      assert.ok(rank < 2.5 && even > -0.1, `rank ${rank}, uniformity ${even}`)
    }
    assert.equal(diagnose(new Float32Array(32), 8).verdict, 'collapsed')
  })

  it('calls vectors in three of 64 dimensions dimensionally collapsed', () => {
    const found = diagnose(cloud(300, 64, 3, 0), 64)
    assert.equal(found.verdict, 'dimensionally collapsed')
    close(found.effectiveRank, 3, 0.05)
    assert.match(found.sentence, /effective rank 3\.0 of 64/)
    // However many dimensions lie idle: it is not a collapse to one point.
    const wide = diagnose(cloud(300, 512, 3, 0), 512)
    assert.equal(wide.verdict, 'dimensionally collapsed')
    assert.ok(wide.deviation < 0.1 * wide.fullDeviation && wide.spread > 0.98)
    // Not for so few dimensions that there is nothing to lose.
    assert.equal(diagnose(cloud(300, 3, 3, 0), 3).verdict, 'healthy')
  })

  it('measures positives, thins out large sets, and needs no centred data for features after relu', () => {
    const relu = cloud(2000, 16, 16, 0).map(value => Math.max(value, 0))
    const { verdict, alignment: same } = diagnose(relu, 16, { positives: relu.map(value => 3 * value), maxRows: 64 })
    assert.equal(verdict, 'healthy')
    close(same!, 0, 1e-9)
    assert.equal(diagnose(relu, 16, { maxRows: 8 }).spectrum.length, 8)
    assert.equal('alignment' in diagnose(relu, 16, { maxRows: 8 }), false)
  })

  it('refuses what it cannot judge', () => {
    assert.throws(() => diagnose(new Float32Array(4), 4), DataError)
    assert.throws(() => diagnose(new Float32Array(9), 4), DataError)
    assert.throws(() => diagnose(Float32Array.of(1, Number.NaN, 0, 1), 2), DataError)
    assert.throws(() => diagnose(new Float32Array(8), 4, { positives: new Float32Array(4) }), DataError)
  })
})
