import assert from 'node:assert/strict'
import { type Installed, installPackage } from './install.js'

describe('build-cpu in an installed package', () => {
  let installed: Installed

  before(() => {
    installed = installPackage()
  })

  after(() => installed.remove())

  it('builds the CPU device, which is taken from then on', () => {
    const built = installed.selfsame('build-cpu', 500_000)
    assert.equal(built.status, 0, built.stderr)
    const words = 'train --recipe peer --data mnist --limit 40 --batch 8 --steps 3 --bench --json --device cpu'
    const { status, stdout, stderr } = installed.selfsame(words)
    assert.equal(status, 0, stderr)
    assert.equal((JSON.parse(stdout) as { device: string }).device, 'cpu')
  })
})
