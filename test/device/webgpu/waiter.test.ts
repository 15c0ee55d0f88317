import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Waiter } from '../../../src/device/webgpu/waiter.js'

describe('waiter', () => {
  const gpu = { createBuffer: () => ({ destroy() {} }) } as unknown as GPUDevice
  const encoder = { copyBufferToBuffer() {} } as unknown as GPUCommandEncoder

  it('predicts one submission from three that it waited for together', async () => {
    const waiter = new Waiter(gpu)
    const work = new Map([['matmul', 1e8]])
    // The first run of a kernel teaches nothing: it may include compilation.
    waiter.mark(encoder, work)
    waiter.done(waiter.newest, 0)
    for (let i = 0; i < 3; i++) waiter.mark(encoder, work)
    await setTimeout(150)
    waiter.done(waiter.newest, 150)
    waiter.mark(encoder, work)
    const begin = performance.now()
    await waiter.sleep(waiter.newest)
    const slept = performance.now() - begin
    assert.ok(slept > 30 && slept < 140, `slept ${slept} ms, wants about 45`)
    waiter.close()
  })
})
