import assert from 'node:assert/strict'
import { dawn } from '../../src/device/node.js'

describe("device/node: Dawn's GPU object", () => {
  it('opens an adapter on this machine', async () => {
    const adapter = await dawn().requestAdapter()
    assert.ok(adapter, 'no WebGPU adapter: run `bash scripts/setup.sh`')
  })

  it('is made once for each set of toggles', () => {
    assert.equal(dawn(), dawn())
    assert.equal(dawn({ toggles: ['allow_unsafe_apis'] }), dawn())
    const other = dawn({ toggles: ['disable_symbol_renaming'] })
    assert.notEqual(other, dawn())
    assert.equal(dawn({ toggles: ['disable_symbol_renaming'] }), other)
  })

  it('gives the process the globals of a browser', () => {
    dawn()
    assert.equal(GPUBufferUsage.STORAGE, 128)
    assert.equal(GPUMapMode.READ, 1)
  })

  if (process.platform === 'linux') {
    it('gives the process a runtime folder where it has none', () => {
      dawn()
      assert.ok(process.env.XDG_RUNTIME_DIR)
    })
  }
})
