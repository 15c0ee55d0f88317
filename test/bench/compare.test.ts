import assert from 'node:assert/strict'
import { compareRecords, describeComparison, RegressionError, wantNoRegression } from '../../bench/compare.js'
import { recordOf, resultOf } from './records.js'

describe('bench: --compare', () => {
  const before = recordOf([resultOf()])
  const against = (median_ms: number, spread: number | null = 0.02) =>
    compareRecords(before, recordOf([resultOf({ median_ms, spread })]))

  const verdicts: [ms: number, spread: number | null, verdict: string, regression: boolean][] = [
    [10, 0.02, 'same', false],
    [10.3, 0.02, 'same', false],
    [9.7, 0.02, 'same', false],
    [10.8, 0.02, 'slower', false],
    [11.5, 0.02, 'slower', true],
    [11.5, 0.2, 'same', false],
    [9, 0.02, 'faster', false],
    [5, 0.02, 'faster', false],
    [11.5, null, 'slower', true],
  ]
  for (const [ms, spread, verdict, regression] of verdicts) {
    it(`10 ms ± 2 % and ${ms} ms ± ${spread}: ${verdict}${regression ? ', a regression' : ''}`, () => {
      const [change] = against(ms, spread).changes
      assert.equal(change!.verdict, verdict)
      assert.equal(change!.regression, regression)
    })
  }

  it('a regression is an error that names the cases and the file', () => {
    assert.throws(
      () => wantNoRegression(against(20), 'old.json'),
      (error: Error) => error instanceof RegressionError && /old\.json.*matmul 512x512x512/.test(error.message),
    )
    wantNoRegression(against(10.8), 'old.json')
  })

  it('another shape is another case: listed as not measured, and nothing is compared', () => {
    const comparison = compareRecords(before, recordOf([resultOf({ shape: '1x1x1' })]))
    assert.deepEqual(comparison.changes, [])
    assert.deepEqual(comparison.missing, ['matmul 512x512x512 float32 webgpu'])
  })

  it('another adapter or processor is said', () => {
    const other = recordOf([resultOf()], { adapter: 'NVIDIA H200', host: { ...before.host, cpu: 'another' } })
    const text = describeComparison(compareRecords(before, other), 'old.json')
    assert.match(text, /adapter was llvmpipe and is NVIDIA H200/)
    assert.match(text, /cpu was a processor and is another/)
  })

  it('says how much, for what changed only', () => {
    assert.match(describeComparison(against(20), 'old.json'), /slower\s+100 % {2}matmul 512x512x512.*10\.0 → 20\.0 ms/)
    assert.match(
      describeComparison(against(10), 'old.json'),
      /^against old\.json: 0 changed beyond the spread, 1 did not$/,
    )
  })
})
