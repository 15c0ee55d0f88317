import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'

const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)
const head = `
  import { open } from ${source('open.js')}
  import { ones } from ${source('tensor/create.js')}
  import { matmul } from ${source('ops/matmul.js')}
  const work = async device => {
    const x = ones([64, 64], { device })
    const y = matmul(x, x)
    if ((await y.data())[5] !== 64) throw new Error('wrong')
  }
`

/** Runs a module in a process of its own; how it ended. */
function run(
  body: string,
  ...flags: string[]
): Promise<{ code: number | null; signal: string | null; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', head + body], { timeout: 45_000 })
    let errors = ''
    child.stderr.on('data', text => {
      errors += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, errors }))
  })
}

async function endsWell(body: string, ...flags: string[]): Promise<void> {
  const { code, signal, errors } = await run(body, ...flags)
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, errors)
}

describe('webgpu: a process with a device', () => {
  it('exits by itself after close', () =>
    endsWell('const device = await open({ device: "webgpu" }); await work(device); await device.close()'))

  it('exits by itself without close, also with work in flight', () =>
    endsWell(`
      const device = await open({ device: "webgpu" })
      await work(device)
      for (let i = 0; i < 20; i++) matmul(ones([256, 256]), ones([256, 256]))
      device.settle()
    `))

  it('survives the garbage collector', () =>
    endsWell(
      `
      const device = await (async () => open())()
      for (let i = 0; i < 5; i++) {
        gc()
        await new Promise(resolve => setTimeout(resolve, 5))
        await work(device)
      }
      await device.close()
      gc()
    `,
      '--expose-gc',
    ))

  it('reports an error of its own with another code', async () => {
    const { code } = await run('const device = await open({ device: "webgpu" }); await device.read(device.alloc(4), 2)')
    assert.equal(code, 1)
  })
})
