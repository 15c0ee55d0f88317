import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportPage } from '../../bench/html.js'
import { markdownPage } from '../../bench/markdown.js'
import { readRecord } from '../../bench/record.js'
import { describeRecord } from '../../bench/text.js'
import { DataError } from '../../src/device/errors.js'
import { recordOf, resultOf } from './records.js'

describe('bench: records', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-bench-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const written = (content: string) => {
    const path = join(folder, 'record.json')
    writeFileSync(path, content)
    return path
  }
  const training = resultOf({
    op: 'simclr resnet8',
    spread: null,
    gflops: null,
    gb_s: null,
    images_per_s: 31.5,
    peers: {},
  })

  it('what is written is read again', () => {
    const record = recordOf([resultOf(), training])
    assert.deepEqual(readRecord(written(JSON.stringify(record))), record)
  })

  const broken: [what: string, content: string, message: RegExp][] = [
    ['no JSON', 'hello', /is no record of `selfsame bench --json FILE`/],
    ['another JSON', '{"cases": []}', /is no record .* at selfsame/],
    ['a median of 0', JSON.stringify(recordOf([resultOf({ median_ms: 0 })])), /at cases\.0\.median_ms/],
  ]
  for (const [what, content, message] of broken) {
    it(`${what} is refused with a sentence`, () => {
      assert.throws(
        () => readRecord(written(content)),
        (error: Error) => error instanceof DataError && message.test(error.message),
      )
    })
  }

  it('a file that is not there is refused', () => {
    assert.throws(() => readRecord(join(folder, 'nothing')), /--compare: .*nothing cannot be read \(ENOENT\)/)
  })

  it('the heading calls a software adapter one, and nothing else', () => {
    assert.match(describeRecord(recordOf([resultOf()])), /^SOFTWARE ADAPTER \(no GPU\): llvmpipe, Mesa 25\n/)
    assert.match(describeRecord(recordOf([resultOf()], { software: false })), /^GPU: llvmpipe/)
    assert.match(describeRecord(recordOf([resultOf()], { device: 'cpu' })), /^CPU device: llvmpipe/)
  })

  it('the table has a column for each peer that ran, and lists what peers could not and who is missing', () => {
    const text = describeRecord(recordOf([resultOf(), training]))
    assert.match(text, /case .* tfjs-webgpu\n/)
    assert.match(text, /matmul 512x512x512 +10\.0 +2 % +9\.50 +2 % +26\.8 GFLOP\/s +30 % +0\.25 +3\.00x/)
    assert.match(text, /simclr resnet8 .* – +9\.50 +2 % +31\.5 images\/s/)
    assert.match(text, /12 kernels compiled in 3\.5 s/)
    assert.match(text, /geometric means: tfjs-webgpu 3\.00x/)
    assert.match(text, /tfjs-wasm, matmul 512x512x512: Kernel 'X' <not> registered/)
    assert.match(text, /jax-js is not here: not installed/)
  })

  it('a column that says nothing of any case is left out, another number format is part of the name', () => {
    const half = resultOf({ dtype: 'float16', gpu_ms: null, host_ms: null, objects: null })
    const loss = resultOf({
      op: 'ntXent',
      shape: '8x4',
      gpu_ms: null,
      host_ms: null,
      objects: null,
      matmul_share: 0.83,
    })
    const text = describeRecord(recordOf([half, loss]))
    assert.match(text, /case +ms +± +rate +roofline +of matmul +tfjs-webgpu\n/)
    assert.match(text, /matmul 512x512x512 float16 .* – +3\.00x\n/)
    assert.match(text, /ntXent 8x4 .* 83 % +3\.00x\n/)
  })

  it('what was left out is said first', () => {
    const record = recordOf([resultOf()], { left_out: [{ case: 'matmul 8x8x8 float16', reason: 'no shader-f16' }] })
    assert.match(describeRecord(record), /matmul 8x8x8 float16 is left out: no shader-f16\njax-js is not here/)
  })

  it('an old record without the newer fields is read', () => {
    const { left_out: _, compilation: __, plans: ______, ...old } = recordOf([])
    const { gpu_ms: ___, host_ms: ____, matmul_share: _____, ...result } = resultOf()
    const read = readRecord(written(JSON.stringify({ ...old, cases: [result] })))
    assert.deepEqual(read, recordOf([resultOf({ gpu_ms: null, host_ms: null })], { compilation: null }))
  })

  it('is a page of Markdown, too, in which no name becomes markup', () => {
    const page = markdownPage(recordOf([resultOf(), training], { adapter: 'a | b' }))
    assert.match(page, /^# SOFTWARE ADAPTER \(no GPU\): a \\\| b, Mesa 25\n/)
    const rows = page.split('\n').filter(line => line.startsWith('|'))
    assert.equal(rows.length, 4)
    for (const row of rows) assert.equal(row.split(/(?<!\\)\|/).length, rows[0]!.split('|').length, row)
    assert.match(page, /- tfjs-wasm, matmul 512x512x512: Kernel 'X' \\<not\\> registered/)
  })

  it('the page stands alone, and no text of a peer becomes markup', () => {
    const page = reportPage(recordOf([resultOf(), training]))
    assert.ok(!/https?:|<script|<link|src=/.test(page))
    assert.ok(page.includes("Kernel 'X' &#60;not&#62; registered"))
    assert.equal(page.match(/<svg/g)?.length, 2)
    assert.ok(!page.includes('NaN'))
  })

  it('without peers there are no bars', () => {
    const page = reportPage(recordOf([resultOf({ peers: {} }), training], { peers: {} }))
    assert.equal(page.match(/<svg/g)?.length, 1)
  })
})
