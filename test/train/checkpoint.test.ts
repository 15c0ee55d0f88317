import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Checkpoint, newestCheckpoint, parametersHash, saveCheckpoint } from '../../src/train/checkpoint.js'

function checkpoint(step: number): Checkpoint {
  return {
    step,
    tensors: new Map([['w', { dtype: 'float32', shape: [2], data: Float32Array.of(step, -step) }]]),
    json: { position: step * 2, nested: { list: [1, 2] } },
  }
}

describe('train/checkpoint: what survives', () => {
  let folder: string
  let warnings: string[]
  const newest = () => newestCheckpoint(folder, message => warnings.push(message))

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-checkpoint-'))
    warnings = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gives back what was saved, and nothing where there is nothing', async () => {
    assert.equal(await newest(), undefined)
    assert.equal(await newestCheckpoint(join(folder, 'absent')), undefined)
    await saveCheckpoint(folder, checkpoint(3))
    assert.deepEqual(await newest(), checkpoint(3))
    assert.deepEqual(warnings, [])
  })

  it('keeps the newest two, by number and not by name', async () => {
    for (const step of [8, 9, 10, 100]) await saveCheckpoint(folder, checkpoint(step))
    assert.deepEqual(readdirSync(folder).sort(), [
      'checkpoint-10.json',
      'checkpoint-10.safetensors',
      'checkpoint-100.json',
      'checkpoint-100.safetensors',
    ])
    assert.equal((await newest())?.step, 100)
  })

  it('leaves other files alone and clears what a crash left', async () => {
    for (const name of ['notes.txt', 'checkpoint-7.safetensors.tmp', 'checkpoint-6.safetensors']) {
      writeFileSync(join(folder, name), 'x')
    }
    await saveCheckpoint(folder, checkpoint(9))
    assert.deepEqual(readdirSync(folder).sort(), ['checkpoint-9.json', 'checkpoint-9.safetensors', 'notes.txt'])
  })

  const damage: [string, (path: string) => void][] = [
    ['tensors are cut short', path => truncateSync(`${path}.safetensors`, 40)],
    ['tensors have another bit', path => flipBit(`${path}.safetensors`)],
    ['tensors are gone', path => rmSync(`${path}.safetensors`)],
    ['JSON is cut short', path => truncateSync(`${path}.json`, 10)],
    ['JSON is another object', path => writeFileSync(`${path}.json`, '{}')],
  ]
  for (const [what, spoil] of damage) {
    it(`passes over one whose ${what}, with a warning`, async () => {
      await saveCheckpoint(folder, checkpoint(1))
      await saveCheckpoint(folder, checkpoint(2))
      spoil(join(folder, 'checkpoint-2'))
      assert.deepEqual(await newest(), checkpoint(1))
      assert.equal(warnings.length, 1)
      assert.match(warnings[0]!, /^checkpoint 2 in .* is damaged and passed over: [^\n]+$/)
    })
  }

  it('can be loaded after SIGKILL at any moment', async () => {
    const module = new URL('../../src/train/checkpoint.js', import.meta.url).href
    const script = `
      import { saveCheckpoint } from ${JSON.stringify(module)}
      for (let step = Number(process.argv[1]); ; step++) {
        const data = new Float32Array(50_000).fill(step)
        const tensors = new Map([['w', { dtype: 'float32', shape: [data.length], data }]])
        await saveCheckpoint(${JSON.stringify(folder)}, { step, tensors, json: { step } })
        process.stdout.write('.')
      }`
    let last = 0
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, String(last + 1)])
      await once(child.stdout, 'data')
      await new Promise(resolve => setTimeout(resolve, 3 + 7 * round))
      child.kill('SIGKILL')
      await once(child, 'close')
      const found = await newest()
      assert.ok(found && found.step > last, `round ${round}: step ${found?.step} after ${last}`)
      assert.deepEqual(found.json, { step: found.step })
      assert.ok(found.tensors.get('w')!.data.every(value => value === found.step))
      last = found.step
    }
    assert.deepEqual(warnings, [])
  })
})

describe('train/checkpoint: the hash of all parameters', () => {
  const parameters = new Map([
    ['b', Float32Array.of(1, -2)],
    ['a.weight', Float32Array.of(0.5)],
  ])

  it('is SHA-256 over sorted names, a zero byte each, and little-endian float32', () => {
    const bytes = Buffer.from([
      ...Buffer.from('a.weight\0'),
      0,
      0,
      0,
      0x3f,
      ...Buffer.from('b\0'),
      0,
      0,
      0x80,
      0x3f,
      0,
      0,
      0,
      0xc0,
    ])
    assert.equal(parametersHash(parameters), createHash('sha256').update(bytes).digest('hex'))
  })

  it('does not depend on the order of the map, and does on a name and on the last bit', () => {
    const hash = parametersHash(parameters)
    assert.equal(parametersHash(new Map([...parameters].reverse())), hash)
    assert.notEqual(parametersHash(new Map([...parameters, ['c', new Float32Array()]])), hash)
    assert.notEqual(parametersHash(new Map([...parameters, ['b', Float32Array.of(1, -2.0000002)]])), hash)
  })

  it('takes a part of a larger array for what it is', () => {
    const part = Float32Array.of(9, 1, -2, 9).subarray(1, 3)
    assert.equal(parametersHash(new Map([...parameters, ['b', part]])), parametersHash(parameters))
  })
})

function flipBit(path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(path, bytes)
}
