import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeviceInfo } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { cacheFolder, planFile, wantsTuning } from '../../src/device/planFile.js'

describe('a file of plans', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-plans-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const info = { name: 'a GPU', driver: '1.0' } as DeviceInfo
  const of = (device: Partial<DeviceInfo> = {}, kernels = 'fn main') =>
    planFile({ ...info, ...device }, kernels, join(folder, 'deep', 'er'))

  it('gives back what was written, and keeps what another process wrote meanwhile', async () => {
    assert.deepEqual(await of().read(), {})
    await of().write({ 'matmul m=1': 'a' })
    await of().write({ 'matmul m=2': 'b' })
    assert.deepEqual(await of().read(), { 'matmul m=1': 'a', 'matmul m=2': 'b' })
    const [file, ...others] = readdirSync(join(folder, 'deep', 'er'))
    assert.deepEqual(others, [])
    const { adapter, driver } = JSON.parse(readFileSync(join(folder, 'deep', 'er', file!), 'utf8'))
    assert.deepEqual([adapter, driver], ['a GPU', '1.0'])
  })

  it('is another one for another adapter, driver or text of the kernels', async () => {
    await of().write({ shape: 'a' })
    for (const other of [of({ name: 'another' }), of({ driver: '1.1' }), of({}, 'fn main2')]) {
      assert.deepEqual(await other.read(), {})
    }
  })

  it('that is damaged, or cannot be written, costs nothing but time', async () => {
    await of().write({ shape: 'a' })
    const path = join(folder, 'deep', 'er', readdirSync(join(folder, 'deep', 'er'))[0]!)
    writeFileSync(path, '{"plans": {"shape": 3, "other": "b"}}')
    assert.deepEqual(await of().read(), { other: 'b' })
    writeFileSync(path, '{"plans"')
    assert.deepEqual(await of().read(), {})
    // A file where its folder ought to be.
    const nowhere = planFile(info, '', path)
    await nowhere.write({ shape: 'a' })
    assert.deepEqual(await nowhere.read(), {})
  })

  it('lies where the platform keeps what can be made again', () => {
    assert.equal(cacheFolder('linux', { XDG_CACHE_HOME: '/x' }), join('/x', 'selfsame'))
    assert.match(cacheFolder('linux', {}), /[\\/]\.cache[\\/]selfsame$/)
    assert.match(cacheFolder('darwin', {}), /Library[\\/]Caches[\\/]selfsame$/)
    assert.equal(cacheFolder('win32', { LOCALAPPDATA: 'L' }), join('L', 'selfsame', 'Cache'))
  })

  it('SELFSAME_TUNE turns tuning on and off', () => {
    assert.deepEqual(['', '0', '1'].map(wantsTuning), [undefined, false, true])
    assert.throws(() => wantsTuning('yes'), ConfigError)
  })
})
