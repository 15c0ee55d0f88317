import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRecord } from '../../bench/record.js'
import { withShares } from '../../bench/shares.js'
import { recordOf, resultOf } from './records.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('docs/kernels.md: the table of shares', () => {
  it('says what bench/results/llvmpipe.json says', () => {
    const page = readFileSync(join(ROOT, 'docs', 'kernels.md'), 'utf8')
    const expected = withShares(page, readRecord(join(ROOT, 'bench', 'results', 'llvmpipe.json')))
    assert.equal(page, expected, 'run node scripts/shares.mjs')
  })

  it('counts from rates and times, and names what limits', () => {
    const page = 'before\n<!-- shares: written by scripts/shares.mjs -->\nold\n<!-- end of shares -->\nafter\n'
    const slow = resultOf({ op: 'relu', shape: '8x8', gflops: 0.5, gb_s: 4, roofline_share: 0.412 })
    const training = resultOf({ op: 'simclr', gflops: null, gb_s: null, roofline_share: null })
    const text = withShares(page, recordOf([resultOf(), slow, training]))
    assert.match(text, /^before\n/)
    assert.match(text, /\nafter\n$/)
    assert.match(text, /Copy 12\.0 GB\/s, multiply-add 100 GFLOP\/s: from 8 operations a byte on/)
    assert.match(text, /\| matmul 512x512x512 \| 268 M \| 3\.10 M \| 86 \| arithmetic \| 30 % \|/)
    assert.match(text, /\| relu 8x8 \| 5\.00 M \| 40\.0 M \| 0\.13 \| memory \| 41 % \|/)
    assert.doesNotMatch(text, /simclr|old/)
    assert.throws(() => withShares('nothing', recordOf([])), /the page wants the lines/)
  })
})
