import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('README: the fifteen lines', () => {
  it('run as they stand and find what they say', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const [, example = ''] = /^## Fifteen lines\n+```js\n(.*?)^```$/ms.exec(readme) ?? []
    const lines = example.split('\n').filter(line => line.trim() !== '')
    assert.ok(lines.length > 0 && lines.length <= 15, `${lines.length} lines`)

    // Within the package, where its own name leads to it.
    const folder = mkdtempSync(join(ROOT, 'dist', 'readme-'))
    try {
      writeFileSync(join(folder, 'example.mjs'), example)
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'example.mjs')], {
        encoding: 'utf8',
        timeout: 60_000,
      })
      assert.equal(status, 0, stderr)
      const printed = /\[([^\]]*)\]/.exec(stdout)?.[1]?.split(',').map(Number)
      assert.equal(printed?.length, 2, stdout)
      for (const [i, wanted] of [1, 2].entries()) assert.ok(Math.abs(printed![i]! - wanted) < 1e-3, stdout)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
