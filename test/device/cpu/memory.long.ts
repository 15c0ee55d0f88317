import assert from 'node:assert/strict'
import { openCPU } from '../../../src/device/cpu/open.js'
import { runSteps, tinyRun } from '../../train/tiny.js'

// What the collector has not yet looked at; a leak of one number a launch would be ten times as much.
const SLACK = 8 * 2 ** 20

/** The process's memory in bytes, without what only waits to be collected. */
function resident(): number {
  assert.ok(globalThis.gc, 'wants node --expose-gc')
  globalThis.gc()
  return process.memoryUsage().rss
}

describe('CPUDevice: the memory of the process', () => {
  it('does not grow over a thousand training steps, eager launches and reads between them', async () => {
    const device = await openCPU()
    const run = tinyRun(device, { batch: 16, width: 16, side: 12 })
    const some = async (begin: number) => {
      await runSteps(run, begin, begin + 100)
      assert.equal((await run.step.metrics(begin + 100)).length, 100)
    }
    for (let k = 0; k < 300; k += 100) await some(k)
    const before = resident()
    const held = device.memory()
    for (let k = 300; k < 1300; k += 100) await some(k)
    const grown = resident() - before
    assert.ok(grown < SLACK, `${grown} bytes more after a thousand steps`)
    assert.deepEqual(device.memory(), held)
    await device.close()
  })
})
