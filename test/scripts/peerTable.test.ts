import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Result } from '../../src/train/result.js'
import { resultOf } from '../cli/result.js'

const script = fileURLToPath(new URL('../../../scripts/peer-table.mjs', import.meta.url))
const PAGE = 'above\n<!-- table of all methods -->\nold\n<!-- end of table of all methods -->\nbelow\n'

describe('scripts/peer-table', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-table-'))
    const curve = [39, 585].map(step => {
      return { epoch: step / 39, step, loss: 5, deviation: 0.1, rank: null, knn: step / 1000 }
    })
    const config = { ...resultOf({}).config, data: 'folder:/private/images' }
    for (const method of ['byol', 'simclr']) {
      mkdirSync(join(folder, 'runs', `${method}-0`), { recursive: true })
      const result = resultOf({ method, data: 'folder:/private/images', steps: 585, curve, config })
      writeFileSync(join(folder, 'runs', `${method}-0`, 'result.json'), JSON.stringify(result))
    }
  })

  after(() => rmSync(folder, { recursive: true }))

  function table(methods: string, page = PAGE) {
    const at = (name: string) => join(folder, name)
    writeFileSync(at('page.md'), page)
    const words = ['--methods', methods, '--runs', at('runs'), '--results', at('results'), '--page', at('page.md')]
    const { status, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' })
    return { status, stderr, page: readFileSync(at('page.md'), 'utf8') }
  }

  it('makes a record of each run that is done, a table between the marks, and the curves', () => {
    const { status, stderr, page } = table('simclr')
    assert.equal(status, 0, stderr)
    assert.match(page, /^above\n<!-- table of all methods -->\n\n\| method .*\n\| --- .*\n\| `simclr` \| 2020 .*\n/)
    assert.match(page, / 0\.039, –, –, 0\.585 \|\n\| untrained .*\n\| raw pixels .*\n\n<!-- end of .* -->\nbelow\n$/)
    const record = JSON.parse(readFileSync(join(folder, 'results', 'simclr-0.json'), 'utf8')) as Result
    assert.deepEqual([record.data, record.config.data, record.linear], ['folder:CIFAR10', 'folder:CIFAR10', 0.95])
  })

  it('keeps the records that are there and adds to them; says what is missing', () => {
    rmSync(join(folder, 'runs', 'simclr-0'), { recursive: true })
    const { status, stderr, page } = table('simclr,byol,mae')
    assert.equal(status, 1)
    assert.match(stderr, /without a result: mae-0/)
    assert.match(page, /\n\| `simclr` .*\n\| `byol` .*\n\| untrained /)
    assert.deepEqual(readdirSync(join(folder, 'results')).sort(), ['byol-0.json', 'curves.svg', 'simclr-0.json'])
  })

  it('leaves a page without the marks alone', () => {
    const { status, stderr, page } = table('simclr', 'nothing')
    assert.notEqual(status, 0)
    assert.match(stderr, /page\.md wants '<!-- table of all methods -->'/)
    assert.equal(page, 'nothing')
  })
})
