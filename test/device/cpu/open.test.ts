import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from '../../../src/device/cpu/load.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import { ConfigError } from '../../../src/device/errors.js'

const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)

/** Runs a module of its own process, with `device` open in it, and gives what it printed. */
async function inProcess(body: string, env: Record<string, string> = {}): Promise<string> {
  const code = `
    import { openCPU } from ${source('device/cpu/open.js')}
    import { matmul } from ${source('ops/matmul.js')}
    import { conv2d } from ${source('ops/conv2d.js')}
    import { ones } from ${source('tensor/create.js')}
    const device = await openCPU()
    ${body}`
  const { OMP_WAIT_POLICY: _, ...rest } = process.env
  const options = { env: { ...rest, ...env }, timeout: 20_000 }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], options)
  return stdout.trim()
}

describe('openCPU', () => {
  it('says what the device is', async () => {
    const device = await openCPU({ threads: 1 })
    assert.equal(device.info.kind, 'cpu')
    assert.equal(device.info.software, false)
    assert.match(device.info.driver, /^oneDNN \d+\.\d+\.\d+, 1 thread$/)
    await device.close()
    await device.close()
    assert.throws(() => device.alloc(4), /alloc: the device was closed/)
    await assert.rejects(device.settle(), /settle: the device was closed/)
  })

  it('takes SELFSAME_THREADS, and refuses a number of threads that makes no sense', async () => {
    assert.match(
      await inProcess('console.log(device.info.driver); await device.close()', { SELFSAME_THREADS: '1' }),
      /1 thread$/,
    )
    for (const threads of [0, 1.5, Number.NaN]) await assert.rejects(openCPU({ threads }), ConfigError)
  })

  it('runs on a machine without AVX-512, and says so', async () => {
    const body = `
      const y = conv2d(ones([8, 32, 32, 32], { device }), ones([3, 3, 32, 32], { device }), { padding: 1 })
      console.log(device.info.features.has('avx512'), (await y.data())[32 * 33])
      await device.close()`
    assert.equal(await inProcess(body, { ONEDNN_MAX_CPU_ISA: 'AVX2' }), 'false 288')
  })

  it('lets idle threads sleep, unless the user chose otherwise', async () => {
    const body = 'console.log(process.env.OMP_WAIT_POLICY); await device.close()'
    assert.equal(await inProcess(body), 'passive')
    assert.equal(await inProcess(body, { OMP_WAIT_POLICY: 'active' }), 'active')
  })

  it('lets the process end: closed, left open, and in the middle of work', async () => {
    const work = 'const a = ones([1024, 1024], { device }); for (let i = 0; i < 50; i++) matmul(a, a)'
    assert.equal(await inProcess(`${work}; const read = a.data(); await read; await device.close()`), '')
    assert.equal(await inProcess(work), '')
    assert.equal(await inProcess(`${work}; process.exit(0)`), '')
  })

  it('says how to build an addon that is not there, or is none', () => {
    assert.throws(
      () => load('/nowhere/selfsame.node'),
      (error: unknown) =>
        error instanceof ConfigError && /was not built; run `npx selfsame build-cpu` .*libdnnl-dev/.test(error.message),
    )
    const folder = mkdtempSync(join(tmpdir(), 'selfsame-'))
    writeFileSync(join(folder, 'selfsame.node'), 'no library')
    assert.throws(() => load(join(folder, 'selfsame.node')), /does not load .*build it again/)
    rmSync(folder, { recursive: true })
  })
})
