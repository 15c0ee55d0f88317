import assert from 'node:assert/strict'
import type { Device } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import { dawn } from '../../../src/device/node.js'
import { open } from '../../../src/open.js'
import { add, mul } from '../../../src/ops/elementwise.js'
import { matmul } from '../../../src/ops/matmul.js'
import { ones, tensor, zeros } from '../../../src/tensor/create.js'
import { scope } from '../../../src/tensor/scope.js'
import { gpuOf } from './spy.js'

const bytes = (data: ArrayBuffer) => [...new Uint8Array(data)]

describe('webgpu: the queue', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  it('copies what is written at the call, pads it to words and keeps to the bounds', async () => {
    const buffer = device.alloc(12)
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    device.write(buffer, data)
    data.fill(0)
    assert.deepEqual(bytes(await device.read(buffer)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    device.write(buffer, Uint8Array.of(50, 60, 70, 80, 90).subarray(1, 4), 8)
    assert.deepEqual(bytes(await device.read(buffer, 4)), [5, 6, 7, 8, 60, 70, 80, 0])
    assert.deepEqual(bytes(await device.read(buffer, 8, 3)), [60, 70, 80])
    for (const [offset, length] of [
      [2, 4],
      [-4, 4],
      [12, 4],
      [0, 13],
    ] as const) {
      assert.throws(
        () => device.write(buffer, new Uint8Array(length), offset),
        DeviceError,
        `write ${length} at ${offset}`,
      )
      await assert.rejects(device.read(buffer, offset, length), DeviceError, `read ${length} at ${offset}`)
    }
    await assert.rejects(device.read(buffer, 0, 0), DeviceError)
    device.free(buffer)
  })

  it('orders writes and launches as they were made', async () => {
    const x = tensor([1, 2], { device })
    const first = mul(x, 10)
    x.write(Float32Array.of(3, 4))
    const second = mul(x, 10)
    x.write(Float32Array.of(5, 6))
    assert.deepEqual([...(await first.data())], [10, 20])
    assert.deepEqual([...(await second.data())], [30, 40])
    for (const each of [x, first, second]) each.dispose()
  })

  it('reads into memory of the caller’s own', async () => {
    const x = tensor([1, 2], { device })
    const pending = x.data()
    x.dispose()
    const other = tensor([8, 9], { device })
    const read = await pending
    assert.deepEqual([...read], [1, 2])
    read.fill(0)
    const again = await other.data()
    assert.deepEqual([...again], [8, 9])
    assert.deepEqual([...read], [0, 0])
    other.dispose()
  })

  it('gives a freed buffer’s memory to the next of its size, once', async () => {
    const before = device.memory()
    const a = device.alloc(1000)
    device.free(a)
    device.free(a)
    const b = device.alloc(1000)
    const c = device.alloc(1000)
    device.write(b, new Uint8Array(1000).fill(1))
    device.write(c, new Uint8Array(1000).fill(2))
    assert.ok(bytes(await device.read(b)).every(value => value === 1))
    assert.equal(device.memory().buffers, before.buffers + 2)
    device.free(b)
    device.free(c)
    assert.equal(device.memory().live, before.live)
  })

  it('refuses freed buffers and sizes it cannot give, and says what holds the rest', async () => {
    const buffer = device.alloc(16)
    device.free(buffer)
    const out = { buffer, offset: 0, bytes: 16 }
    assert.throws(() => device.write(buffer, new Uint8Array(4)), /DeviceError: write: the buffer was freed/)
    await assert.rejects(device.read(buffer), /DeviceError: read: the buffer was freed/)
    assert.throws(
      () => device.launch({ op: 'fill', out, bits: 0, count: 4 }),
      /fill: kernel fill\S* binding 0 was freed/,
    )
    for (const size of [0, -1, Number.NaN, device.info.limits.maxBufferBytes + 1]) {
      assert.throws(
        () => device.alloc(size),
        /alloc: wants 1 to \d+ bytes in one buffer, got .*MiB are held by \d+ buffers/,
      )
    }
  })

  it('refuses an op it does not know and a launch that does not fit, before anything runs', async () => {
    const x = ones([4], { device })
    assert.throws(() => device.launch({ op: 'nonsense' } as never), /nonsense: not an op of the WebGPU device/)
    assert.throws(() => device.launch({ op: 'fill', out: x.slice, bits: Number.NaN, count: 4 }), /params.bits, got NaN/)
    assert.deepEqual([...(await x.data())], [1, 1, 1, 1])
    x.dispose()
  })

  it('remembers the peak of live memory', async () => {
    device.resetPeak()
    const { live, peak } = device.memory()
    assert.equal(peak, live)
    scope(() => {
      zeros([4096], { device })
      zeros([4096], { device })
    })
    assert.equal(device.memory().peak, live + 2 * 16_384)
    assert.equal(device.memory().live, live)
    device.resetPeak()
    assert.equal(device.memory().peak, live)
  })

  it('settles to the number of submissions that may be in flight', async () => {
    const a = ones([256, 256], { device })
    let out = a
    const program = await device.record(() => {
      out = scope(() => matmul(matmul(matmul(a, a), a), a))
    })
    await device.settle()
    const done: boolean[] = []
    let behind = 0
    for (let i = 0; i < 12; i++) {
      device.replay(program)
      gpuOf(device)
        .queue.onSubmittedWorkDone()
        .then(() => {
          done[i] = true
        })
      if (!done[i]) behind++
      await device.settle(2)
      // Let callbacks of the same turn arrive.
      await new Promise(resolve => setTimeout(resolve))
      for (let j = 0; j <= i - 2; j++) assert.ok(done[j], `after step ${i}, step ${j} is still in flight`)
    }
    assert.equal(behind, 12)
    await device.settle()
    assert.equal(done.filter(Boolean).length, 12)
    device.release(program)
    a.dispose()
    out.dispose()
  })

  it('lets waits and reads overlap in any order', async () => {
    const x = tensor([1], { device })
    // Long enough to be worth a sleep: then a read may be answered before a wait that began earlier wakes up.
    const slow = ones([256, 256], { device })
    const program = await device.record(() => {
      scope(() => {
        matmul(slow, slow)
      })
      const next = scope(() => add(x, 1))
      device.launch({ op: 'reduce', x: next.slice, out: x.slice, combine: 'sum', outer: 1, length: 1, inner: 1 })
      next.dispose()
    })
    const waits: Promise<unknown>[] = []
    const reads: Promise<number>[] = []
    for (let i = 0; i < 40; i++) {
      device.replay(program)
      if (i % 2 === 0) waits.push(device.settle(i % 5), device.settle(0))
      if (i % 3 === 0) reads.push(x.item())
      if (i % 7 === 0) await waits.at(-1)
    }
    await Promise.all(waits)
    assert.deepEqual(
      await Promise.all(reads),
      reads.map((_, i) => 3 + 3 * i),
    )
    assert.equal(await x.item(), 42)
    device.release(program)
    x.dispose()
    slow.dispose()
  })

  it('does not spin while it waits', async () => {
    const a = ones([384, 384], { device })
    const job = async () => {
      const before = performance.eventLoopUtilization()
      const out = scope(() => {
        let y = a
        for (let i = 0; i < 12; i++) y = mul(matmul(y, a), 1 / 384)
        return y
      })
      await out.data()
      out.dispose()
      return performance.eventLoopUtilization(before).utilization
    }
    // The first ones teach the waiter how fast the device is; another process may disturb the others.
    const busy: number[] = []
    for (let i = 0; i < 8; i++) busy.push(await job())
    assert.ok(Math.min(...busy) < 0.6, `the event loop was busy for ${busy.map(part => part.toFixed(2))} of the time`)
    a.dispose()
  })
})

describe('webgpu: opening', () => {
  it('refuses to call a software adapter hardware', async () => {
    const device = await open({ device: 'webgpu' })
    const { software, name } = device.info
    await device.close()
    if (software) {
      await assert.rejects(open({ adapter: 'hardware' }), (error: Error) => {
        return error instanceof DeviceError && error.message.includes(`found only ${name}`)
      })
    } else {
      const again = await open({ adapter: 'hardware' })
      assert.equal(again.info.software, false)
      await again.close()
    }
  })

  it('says how to get an adapter where there is none', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU
    await assert.rejects(open({ gpu }), /DeviceError: no WebGPU adapter was found; .*setup\.sh/)
  })

  it('describes the device that was made, and a minimum one offers no more than WebGPU guarantees', async () => {
    const device = await open({ gpu: dawn() })
    const minimum = await open({ limits: 'minimum' })
    const { limits, features } = minimum.info
    assert.deepEqual(limits, {
      maxBindingBytes: 2 ** 27,
      maxBufferBytes: 2 ** 28,
      maxStorageBuffers: 8,
      maxWorkgroupInvocations: 256,
      maxWorkgroupBytes: 16_384,
      maxWorkgroupsPerDimension: 65_535,
    })
    assert.equal(features.size, 0)
    assert.equal(gpuOf(minimum).limits.maxStorageBufferBindingSize, 2 ** 27)
    assert.equal(device.info.limits.maxStorageBuffers, gpuOf(device).limits.maxStorageBuffersPerShaderStage)
    for (const [name, value] of Object.entries(limits)) {
      assert.ok(device.info.limits[name as keyof typeof limits] >= value, name)
    }
    const x = tensor([1, 2], { device: minimum })
    const y = mul(x, 3)
    assert.deepEqual([...(await y.data())], [3, 6])
    const other = ones([2], { device })
    assert.throws(() => add(x, other), /DeviceError: elementwise: kernel .* binding 1 lies on another device/)
    await device.close()
    await minimum.close()
  })
})
