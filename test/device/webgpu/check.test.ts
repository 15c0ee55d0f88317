import assert from 'node:assert/strict'
import type { Buffer, Limits, Slice } from '../../../src/device/device.js'
import { faultOf, type Resolved } from '../../../src/device/webgpu/check.js'
import type { Kernel } from '../../../src/device/webgpu/kernel.js'

const limits: Limits = {
  maxBindingBytes: 4096,
  maxBufferBytes: 8192,
  maxStorageBuffers: 3,
  maxWorkgroupInvocations: 256,
  maxWorkgroupBytes: 16384,
  maxWorkgroupsPerDimension: 100,
}
const buffer = (id: number, bytes = 1024): Buffer => ({ id, bytes })
const slice = (of: Buffer, offset = 0, bytes = of.bytes - offset): Slice => ({ buffer: of, offset, bytes })
const kernel = (writes: boolean[], params: string[] = []): Kernel => ({
  key: 'k',
  source: '',
  writes,
  params: params.map(name => ({ name, type: 'u32' })),
})
const dispatch = (bindings: Slice[], more: Partial<Resolved> = {}): Resolved => ({
  kernel: 'fill',
  bindings,
  grid: [1, 1, 1],
  work: 1,
  ...more,
})
const fault = (bindings: Slice[], writes: boolean[], more?: Partial<Resolved>, params?: string[]) =>
  faultOf(dispatch(bindings, more), kernel(writes, params), limits)

const a = buffer(1)
const b = buffer(2)

describe('check: what is refused before it is encoded', () => {
  it('passes what is right', () => {
    assert.equal(fault([slice(a), slice(b)], [false, true]), undefined)
    assert.equal(fault([slice(a), slice(a)], [false, false]), undefined)
    assert.equal(fault([slice(a, 0, 256), slice(a, 256, 256)], [true, true]), undefined)
    assert.equal(fault([slice(a)], [true], { params: { n: 0 }, grid: [100, 100, 1] }, ['n']), undefined)
  })

  it('counts bindings', () => {
    assert.match(fault([slice(a)], [false, true])!, /wants 2 bindings, got 1/)
    const many = [1, 2, 3, 4].map(id => slice(buffer(id)))
    assert.match(fault(many, [false, false, false, true])!, /binds 4 storage buffers, the device has room for 3/)
  })

  it('wants every parameter, finite, and no other', () => {
    const params = (given: Record<string, number> | undefined) =>
      fault([slice(a)], [true], given ? { params: given } : {}, ['n'])
    assert.match(params(undefined)!, /finite number for params.n, got undefined/)
    assert.match(params({ n: Number.NaN })!, /got NaN/)
    assert.match(params({ n: Number.POSITIVE_INFINITY })!, /got Infinity/)
    assert.match(params({ n: 1, m: 2 })!, /has no params.m/)
  })

  it('wants a grid within the limits', () => {
    for (const grid of [
      [0, 1, 1],
      [101, 1, 1],
      [1, 1.5, 1],
      [1, 1, -1],
      [Number.NaN, 1, 1],
    ] as const) {
      assert.match(fault([slice(a)], [true], { grid })!, /wants a grid of whole numbers from 1 to 100/, `${grid}`)
    }
  })

  it('wants slices that begin at multiples of 256, inside their buffer, and not above the binding limit', () => {
    assert.match(fault([slice(a, 128)], [true])!, /begins at byte 128, wants a multiple of 256/)
    assert.match(fault([slice(a, -256)], [true])!, /begins at byte -256/)
    assert.match(fault([slice(a, 512, 513)], [true])!, /covers bytes 512 to 1025 of a buffer of 1024/)
    assert.match(fault([slice(a, 0, 0)], [true])!, /covers bytes 0 to 0/)
    assert.match(fault([slice(buffer(3, 8192))], [true])!, /has 8192 bytes, the device binds at most 4096: use pages/)
  })

  it('refuses to read and write one buffer in one dispatch', () => {
    assert.match(fault([slice(a), slice(a)], [false, true])!, /bindings 0 and 1 read and write the same buffer/)
    assert.match(fault([slice(a, 0, 256), slice(a, 256, 256)], [true, false])!, /read and write the same buffer/)
    assert.match(
      fault([slice(a, 0, 512), slice(b), slice(a, 256, 256)], [true, false, true])!,
      /0 and 2 write to the same bytes/,
    )
  })
})
