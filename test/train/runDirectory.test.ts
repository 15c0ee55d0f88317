import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveConfig } from '../../src/train/recipes.js'
import { checkRunDirectory, createRunDirectory, readRunConfig } from '../../src/train/runDirectory.js'

const NEW = { resume: false, overwrite: false }
const RESUME = { resume: true, overwrite: false }
const OVERWRITE = { resume: false, overwrite: true }

describe("train/runDirectory: a run's folder", () => {
  let folder: string
  let out: string
  const config = resolveConfig()
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-run-'))
    out = join(folder, 'deep', 'run')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is checked without being made', () => {
    for (const options of [NEW, RESUME, OVERWRITE]) checkRunDirectory(out, options)
    assert.deepEqual(readdirSync(folder), [])
    assert.equal(readRunConfig(out), undefined)
  })

  it('holds the configuration', async () => {
    await createRunDirectory(out, config, false)
    assert.deepEqual(readRunConfig(out), config)
    assert.deepEqual(readdirSync(out), ['config.json'])
  })

  it('may be empty, and otherwise wants to know what to do', async () => {
    mkdirSync(out, { recursive: true })
    checkRunDirectory(out, NEW)
    await createRunDirectory(out, config, false)
    assert.throws(() => checkRunDirectory(out, NEW), {
      name: 'ConfigError',
      message: `--out: ${out} is not empty; add --resume or --overwrite, or choose another folder`,
    })
    checkRunDirectory(out, RESUME)
    checkRunDirectory(out, OVERWRITE)
    assert.throws(() => checkRunDirectory(out, { resume: true, overwrite: true }), /exclude each other/)
  })

  it('is emptied of an earlier run, and of nothing else', async () => {
    mkdirSync(out, { recursive: true })
    for (const name of ['log.jsonl', 'result.json', 'checkpoint-5.json', 'checkpoint-6.safetensors.tmp']) {
      writeFileSync(join(out, name), '{}')
    }
    checkRunDirectory(out, OVERWRITE)
    await createRunDirectory(out, config, true)
    assert.deepEqual(readdirSync(out), ['config.json'])
    writeFileSync(join(out, 'thesis.tex'), '')
    assert.throws(() => checkRunDirectory(out, OVERWRITE), /holds thesis\.tex, which is not of a run/)
  })

  it('is no file', () => {
    writeFileSync(join(folder, 'deep'), '')
    assert.throws(() => checkRunDirectory(join(folder, 'deep'), NEW), /is a file, wanted a folder/)
    assert.throws(() => checkRunDirectory(out, NEW), /is a file, wanted a folder/)
  })

  it('holds JSON, or is refused', () => {
    writeFileSync(join(folder, 'config.json'), '{')
    assert.throws(() => readRunConfig(folder), { name: 'DataError', message: /config\.json is not JSON: / })
  })
})
