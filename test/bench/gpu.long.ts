import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRecord } from '../../bench/record.js'
import { specsOf } from '../../bench/suites.js'

describe('bench/gpu.sh', function () {
  this.timeout(600_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-gpu-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const script = fileURLToPath(new URL('../../../bench/gpu.sh', import.meta.url))
  const run = (words: string[], environment: NodeJS.ProcessEnv = {}) =>
    spawnSync('bash', [script, ...words], {
      cwd: folder,
      encoding: 'utf8',
      // Without PyTorch, which the machines that run tests need not have.
      env: { ...process.env, SELFSAME_PYTHON: '/nowhere/python3', SELFSAME_RESULTS: folder, ...environment },
    })

  it('--dry-run goes through every case of the suite and leaves record, table and page', () => {
    const { status, stdout, stderr } = run(['--dry-run'])
    assert.equal(status, 0, stderr)
    assert.match(stdout, /== suite gpu-tiny/)
    const files = readdirSync(folder).sort()
    assert.deepEqual(
      files.map(file => file.replace(/^.*\./, '')),
      ['html', 'json', 'md'],
    )
    const { cases, left_out } = readRecord(join(folder, files.find(file => file.endsWith('.json'))!))
    const specs = specsOf('gpu')
    assert.equal(cases.length + left_out.length, specs.length)
    // Half precision is all that a device may lack.
    for (const { case: name } of left_out) assert.match(name, / float16$/)
    for (const { op, matmul_share, host_ms } of cases) {
      assert.equal(matmul_share !== null, op === 'ntXent' || op === 'infoNCE', op)
      assert.ok(host_ms! > 0, op)
    }
    const training = cases.find(({ op }) => op === 'simclr')!
    assert.ok(training.images_per_s! > 0 && training.host_ms! < training.median_ms)
  })

  it('says what is missing, and what it takes', () => {
    const lacking = run([], { SELFSAME_NODE: '/nowhere/node' })
    assert.deepEqual([lacking.status, lacking.stdout], [2, ''])
    assert.match(lacking.stderr, /there is no node in PATH/)
    const wrong = run(['--dry'])
    assert.deepEqual([wrong.status, wrong.stderr], [2, 'usage: bash bench/gpu.sh [--dry-run]\n'])
  })
})
