import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Installed, installPackage } from './install.js'

const BUILD = /selfsame\.node was not built; run `npx selfsame build-cpu` \(it needs CMake, a C\+\+ compiler and oneDNN/

describe('the package, installed from its tarball', () => {
  let installed: Installed

  before(() => {
    installed = installPackage()
  })

  after(() => installed.remove())

  it('has what it runs and builds from, and nothing that was built here', () => {
    const has = (path: string) => existsSync(join(installed.folder, path))
    for (const path of [
      'README.md',
      'LICENSE',
      'CMakeLists.txt',
      'native/addon.cc',
      'native/ops/conv2d.cc',
      'recipes',
    ]) {
      assert.ok(has(path), path)
    }
    for (const path of ['build', 'node_modules', 'test', 'dist/test', 'src']) assert.ok(!has(path), path)
  })

  it('says how the CPU device is had, and what it is without it', () => {
    const asked = installed.selfsame('train --device cpu --data mnist --limit 40 --batch 8 --steps 1 --bench')
    assert.equal(asked.status, 2)
    assert.match(asked.stderr, BUILD)
    assert.match(asked.stderr, /or use --device webgpu/)
    const listed = installed.selfsame('devices')
    assert.equal(listed.status, 0, listed.stderr)
    assert.match(listed.stdout, BUILD)
  })

  it('trains on WebGPU without it', () => {
    const words =
      'train --recipe peer --data mnist --limit 40 --batch 8 --width 4 --projector 8,8 --steps 2 --bench --json'
    const { status, stdout, stderr } = installed.selfsame(words)
    assert.equal(status, 0, stderr)
    const result = JSON.parse(stdout) as { device: string; images_per_s: number }
    assert.equal(result.device, 'webgpu')
  })

  it('is a library with one entry', () => {
    const script = join(installed.folder, '..', '..', 'use.mjs')
    writeFileSync(
      script,
      `import { matmul, open, tensor } from 'selfsame'
      const device = await open()
      console.log([...(await matmul(tensor([[1, 2]]), tensor([[3], [4]])).data())].join())
      await device.close()`,
    )
    const { status, stdout, stderr } = installed.node([script])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, '11\n')
  })
})
