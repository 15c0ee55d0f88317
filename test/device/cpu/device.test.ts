import assert from 'node:assert/strict'
import type { CPUDevice } from '../../../src/device/cpu/device.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Buffer } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import '../../../src/nn/copyInto.js'
import { matmul } from '../../../src/ops/matmul.js'
import { fill, tensor, zeros } from '../../../src/tensor/create.js'
import { scope } from '../../../src/tensor/scope.js'

describe('CPUDevice', () => {
  let device: CPUDevice

  before(async () => {
    device = await openCPU()
  })

  after(() => device.close())

  const slice = (buffer: Buffer, bytes = buffer.bytes, offset = 0) => ({ buffer, offset, bytes })
  const floats = async (buffer: Buffer) => [...new Float32Array(await device.read(buffer))]

  describe('write and read', () => {
    it('copies at the call, in the order of the launches', async () => {
      const buffer = device.alloc(8)
      const copy = device.alloc(8)
      const data = Float32Array.of(1, 2)
      device.write(buffer, data)
      data.fill(9)
      device.launch({ op: 'copyInto', from: slice(buffer), to: slice(copy), count: 2, accumulate: false })
      device.write(buffer, Float32Array.of(3, 4))
      const before = device.read(copy)
      device.launch({ op: 'fill', out: slice(copy), bits: 0, count: 2 })
      assert.deepEqual([...new Float32Array(await before)], [1, 2])
      assert.deepEqual(await floats(buffer), [3, 4])
      assert.deepEqual(await floats(copy), [0, 0])
      for (const each of [buffer, copy]) device.free(each)
    })

    it('gives memory of the caller: freeing right after a read takes nothing away', async () => {
      const reads = Array.from({ length: 20 }, (_, i) => {
        const buffer = device.alloc(1 << 16)
        device.launch({ op: 'fill', out: slice(buffer), bits: i, count: 1 << 14 })
        const promise = device.read(buffer)
        device.free(buffer)
        return promise
      })
      for (const [i, result] of (await Promise.all(reads)).entries()) {
        assert.ok(new Uint32Array(result).every(word => word === i))
      }
    })

    it('takes part of a view, pads to a word and refuses what lies outside', async () => {
      const buffer = device.alloc(8)
      device.write(buffer, Uint32Array.of(0xffffffff, 0xffffffff))
      device.write(buffer, Uint8Array.of(9, 1, 2, 3, 4, 5).subarray(1))
      assert.deepEqual([...new Uint8Array(await device.read(buffer))], [1, 2, 3, 4, 5, 0, 0, 0])
      assert.deepEqual([...new Uint8Array(await device.read(buffer, 4, 2))], [5, 0])
      assert.throws(() => device.write(buffer, new Uint8Array(4), 8), /bytes 8 to 12 of a buffer of 8/)
      assert.throws(() => device.write(buffer, new Uint8Array(4), 2), DeviceError)
      await assert.rejects(device.read(buffer, 4, 8), /bytes 4 to 12 of a buffer of 8/)
      device.free(buffer)
      await assert.rejects(device.read(buffer), /the buffer was freed/)
      assert.throws(() => device.write(buffer, new Uint8Array(4)), /the buffer was freed/)
    })
  })

  describe('launch', () => {
    it('says which op is not there, and refuses what would reach beyond an operand', () => {
      const a = device.alloc(16)
      const out = device.alloc(512)
      assert.throws(() => device.launch({ op: 'nonsense' } as never), /nonsense: not an op of the CPU device/)
      const sizes = { batch: 1, m: 8, n: 8, k: 8, transposeA: false, transposeB: false, sharedA: false, sharedB: false }
      assert.throws(
        () => device.launch({ op: 'matmul', a: slice(a), b: slice(a), out: slice(out), ...sizes }),
        (error: unknown) =>
          error instanceof DeviceError && /^matmul: wants 256 bytes for a, got 16$/.test(error.message),
      )
      assert.throws(
        () => device.launch({ op: 'fill', out: slice(a, 32), bits: 0, count: 4 }),
        /bytes 0 to 32 of a buffer/,
      )
      assert.throws(() => device.launch({ op: 'fill', out: slice(out, 256, 4), bits: 0, count: 4 }), /multiple of 256/)
      const copy = { op: 'copyInto', from: slice(out, 256), to: slice(out), count: 4, accumulate: false } as const
      assert.throws(() => device.launch(copy), /from and to are the same memory, and one is written/)
      device.free(a)
      assert.throws(() => device.launch({ op: 'fill', out: slice(a), bits: 0, count: 4 }), /out was freed/)
      device.free(out)
    })

    it('refuses memory of another device', async () => {
      const other = await openCPU()
      const buffer = device.alloc(1 << 20)
      // A number that the other device has not given out.
      assert.throws(
        () => other.launch({ op: 'fill', out: slice(buffer), bits: 0, count: 4 }),
        /no memory of this device/,
      )
      device.free(buffer)
      await other.close()
    })
  })

  describe('record and replay', () => {
    it('runs once, and again on what the buffers then hold', async () => {
      const x = tensor([1, 2], { device })
      const total = zeros([2], { device })
      const program = await device.record(() => {
        device.launch({ op: 'copyInto', from: x.slice, to: total.slice, count: 2, accumulate: true })
      })
      assert.deepEqual([...(await total.data())], [1, 2])
      x.write(Float32Array.of(10, 20))
      device.replay(program)
      device.replay(program)
      assert.deepEqual([...(await total.data())], [21, 42])
      assert.equal(program.launches.length, 1)
      device.release(program)
      assert.throws(() => device.replay(program), /the program was released/)
      x.dispose()
      total.dispose()
    })

    it('equals eager launches bit for bit', async () => {
      const [a, b] = [
        tensor(ramp(64 * 48), { shape: [64, 48], device }),
        tensor(ramp(48 * 80), { shape: [48, 80], device }),
      ]
      const eager = matmul(a, b)
      let out = eager
      const program = await device.record(() => {
        out = matmul(a, b)
      })
      assert.deepEqual(await out.data(), await eager.data())
      for (const each of [a, b, eager, out]) each.dispose()
      device.release(program)
    })

    it('keeps a constant that was written while recording, and what it read from outside', async () => {
      const { live, buffers } = device.memory()
      const out = zeros([4], { device })
      const outside = tensor([1, 1, 1, 1], { device })
      const add = (from: { slice: ReturnType<typeof slice> }) =>
        device.launch({ op: 'copyInto', from: from.slice, to: out.slice, count: 4, accumulate: true })
      const program = await device.record(() => {
        const constant = tensor([1, 2, 3, 4], { device })
        add(constant)
        constant.dispose()
        add(outside)
        outside.dispose()
        // Would take the constant's memory, or the tensor's, were they lent again.
        const other = zeros([4], { device })
        fill(other, 7)
        other.dispose()
      })
      const elsewhere = Array.from({ length: 4 }, () => tensor([5, 5, 5, 5], { device }))
      device.replay(program)
      assert.deepEqual([...(await out.data())], [4, 6, 8, 10])
      device.release(program)
      for (const each of [out, ...elsewhere]) each.dispose()
      assert.deepEqual({ live: device.memory().live, buffers: device.memory().buffers }, { live, buffers })
    })

    it('gives everything back when the body throws, and goes on', async () => {
      const { live } = device.memory()
      const failing = device.record(() => {
        scope(() => void zeros([1000], { device }))
        zeros([1000], { device }).dispose()
        throw new Error('changed my mind')
      })
      await assert.rejects(failing, /changed my mind/)
      assert.equal(device.memory().live, live)
      const nested = device.record(() => assert.throws(() => device.launch({ op: 'nonsense' } as never), DeviceError))
      device.release(await nested)
    })
  })

  it('holds nothing after a thousand steps that free what they take', async () => {
    const step = () => scope(() => void matmul(zeros([32, 32], { device }), zeros([32, 32], { device })))
    step()
    await device.settle()
    const before = device.memory()
    for (let i = 0; i < 1000; i++) step()
    await device.settle()
    assert.deepEqual(device.memory(), before)
  })

  it('settles when at most so many submissions are under way', async () => {
    const a = zeros([512, 512], { device })
    const program = await device.record(() => {
      for (let i = 0; i < 4; i++) matmul(a, a).dispose()
    })
    await device.settle()
    for (let i = 0; i < 10; i++) device.replay(program)
    let all = false
    const done = device.settle().then(() => {
      all = true
    })
    await device.settle(9)
    assert.equal(all, false)
    await done
    device.release(program)
    a.dispose()
  })
})

function ramp(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i))
}
