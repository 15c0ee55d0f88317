import assert from 'node:assert/strict'
import type { Device, Slice } from '../../../src/device/device.js'
import { DeviceError, DeviceLostError } from '../../../src/device/errors.js'
import { implement } from '../../../src/device/webgpu/plan.js'
import { open } from '../../../src/open.js'
import { add, mul } from '../../../src/ops/elementwise.js'
import { matmul } from '../../../src/ops/matmul.js'
import { ones, tensor } from '../../../src/tensor/create.js'
import { gpuOf, memoryOf } from './spy.js'

declare module '../../../src/device/launch.js' {
  interface Launches {
    /** A reduction whose kernel does not compile. */
    testBroken: { x: Slice; out: Slice }
    /** A fill that also asks for scratch memory and then for a parameter that its kernel does not have. */
    testScratch: { out: Slice }
  }
}

implement('testBroken', ({ x, out }) => [
  {
    kernel: 'reduce',
    parameters: { COMBINE: 'there is no such thing', T: 'f32' },
    bindings: [x, out],
    params: { outer: 1, length: 1, inner: 1, chunk: 1, chunks: 1 },
    grid: [1, 1, 1],
    work: 1,
  },
])

implement('testScratch', ({ out }) => [
  {
    kernel: 'fill',
    bindings: [{ scratch: 0, bytes: 1024 }],
    parameters: { T: 'u32', WORKGROUP: 64 },
    params: { count: 1, each: 1, bits: 0 },
    grid: [1, 1, 1],
    work: 1,
  },
  {
    kernel: 'fill',
    bindings: [out],
    parameters: { T: 'u32', WORKGROUP: 64 },
    params: { count: 1, each: 1, bits: 0, surplus: 1 },
    grid: [1, 1, 1],
    work: 1,
  },
])

describe('webgpu: failures', () => {
  let device: Device
  beforeEach(async () => {
    device = await open({ device: 'webgpu' })
  })
  afterEach(() => device.close())

  it('an error that Dawn reports later is thrown at the next read and names the launch', async () => {
    const x = ones([64], { device })
    const y = ones([8, 8], { device })
    await y.data()
    memoryOf(y).gpu.destroy()
    const sum = add(x, 1)
    matmul(y, y)
    mul(x, 2)
    await assert.rejects(sum.data(), (error: Error) => {
      assert.ok(error instanceof DeviceError)
      assert.match(error.message, /^matmul \(kernel matmul.*\) failed and its batch was dropped: .*destroyed/s)
      return true
    })
    const fine = mul(x, 2)
    assert.deepEqual(await fine.data(), new Float32Array(64).fill(2))
  })

  it('so is one in a replay', async () => {
    const x = ones([4], { device })
    let out = x
    const program = await device.record(() => {
      out = mul(add(x, 1), 2)
    })
    await out.data()
    memoryOf(x).gpu.destroy()
    device.replay(program)
    await assert.rejects(
      out.data(),
      /DeviceError: elementwise \(kernel elementwise.*a \+ b.*failed and its batch was dropped/s,
    )
    device.release(program)
  })

  it('a kernel that does not compile is named, eagerly and while recording', async () => {
    const x = ones([1], { device })
    const out = ones([1], { device })
    const { live } = device.memory()
    await assert.rejects(
      device.record(() => {
        device.launch({ op: 'testBroken', x: x.slice, out: out.slice })
      }),
      /DeviceError: kernel reduce.* does not compile: /s,
    )
    assert.equal(device.memory().live, live)
    device.launch({ op: 'testBroken', x: x.slice, out: out.slice })
    await assert.rejects(out.data(), /DeviceError: testBroken \(kernel reduce/)
  })

  it('a refused launch gives its scratch memory back', () => {
    const out = ones([1], { device })
    const before = device.memory()
    assert.throws(
      () => device.launch({ op: 'testScratch', out: out.slice }),
      /testScratch: kernel fill\S* has no params.surplus/,
    )
    assert.equal(device.memory().buffers, before.buffers)
    assert.equal(device.memory().live, before.live)
  })

  it('a lost device says so, at every call', async () => {
    const x = ones([4], { device })
    const program = await device.record(() => {
      mul(x, 2)
    })
    const pending = x.data()
    const settling = device.settle()
    gpuOf(device).destroy()
    const outcomes = await Promise.allSettled([pending, settling])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof DeviceLostError, String(outcome.reason))
    }
    await gpuOf(device).lost
    await assert.rejects(x.data(), DeviceLostError)
    await assert.rejects(device.settle(), DeviceLostError)
    await assert.rejects(
      device.record(() => {}),
      DeviceLostError,
    )
    assert.throws(() => mul(x, 2), /DeviceLostError: .*the device was lost .*open it again and resume/)
    assert.throws(() => tensor([1], { device }), DeviceLostError)
    assert.throws(() => device.replay(program), DeviceLostError)
    x.dispose()
    await device.close()
  })

  it('a closed device says so, and closing again is nothing', async () => {
    const x = ones([4], { device })
    const program = await device.record(() => {
      mul(x, 2)
    })
    await Promise.all([device.close(), device.close()])
    await device.close()
    assert.throws(() => mul(x, 2), /DeviceError: .*the device was closed/)
    assert.throws(() => device.launch({ op: 'fill', out: x.slice, bits: 0, count: 4 }), /launch: the device was closed/)
    assert.throws(() => device.replay(program), /replay: the device was closed/)
    await assert.rejects(x.data(), /read: the device was closed/)
    x.dispose()
  })
})
