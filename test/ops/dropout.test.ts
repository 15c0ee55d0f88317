import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { dropout } from '../../src/ops/dropout.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { ones, tensor, zeros } from '../../src/tensor/create.js'
import { philox, uniformFloat32 } from '../../src/tensor/philox.js'
import { gradients } from '../../src/tensor/tape.js'

describe('dropout', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  const stateOf = (step: number) => tensor(Uint32Array.of(7, 9, step, 0))

  it('keeps what the host’s Philox says, and divides it by 1 - p', async () => {
    const y = await dropout(ones([3, 43]), 0.25, { seedState: stateOf(5), stream: 2 }).data()
    const words = new Uint32Array(4)
    for (const [i, value] of y.entries()) {
      philox(Math.floor(i / 4), 5, 2, 0x64726f70, 7, 9, words)
      assert.equal(value, uniformFloat32(words[i % 4]!) >= 0.25 ? Math.fround(1 / 0.75) : 0)
    }
    const kept = y.filter(value => value > 0).length
    assert.ok(kept > 80 && kept < 115, `${kept} of 129 kept`)
  })

  it('has the mask as its gradient, in both orders', async () => {
    const x = tensor(new Float32Array(33).fill(2), { requiresGradient: true })
    const y = dropout(x, 0.5, { seedState: stateOf(1), stream: 0 })
    const [dx] = gradients(sum(mul(y, y)), [x], { createGraph: true })
    const [second] = gradients(sum(dx!), [x])
    const kept = (await y.data()).map(value => +(value > 0))
    assert.deepEqual(
      [...(await dx!.data())],
      [...kept].map(mask => 16 * mask),
    )
    assert.deepEqual(
      [...(await second!.data())],
      [...kept].map(mask => 8 * mask),
    )
  })

  it('draws anew in a replay once the step is another', async () => {
    const state = stateOf(1)
    const x = ones([64])
    let y = x
    const program = await device.record(() => {
      y = dropout(x, 0.5, { seedState: state, stream: 0 })
    })
    const first = [...(await y.data())]
    state.write(Uint32Array.of(7, 9, 2, 0))
    device.replay(program)
    assert.notDeepEqual([...(await y.data())], first)
    state.write(Uint32Array.of(7, 9, 1, 0))
    device.replay(program)
    assert.deepEqual([...(await y.data())], first)
  })

  it('leaves everything at probability 0', async () => {
    const y = dropout(tensor([1, 2, 3]), 0, { seedState: stateOf(1), stream: 0 })
    assert.deepEqual([...(await y.data())], [1, 2, 3])
  })

  it('refuses what makes no sense', () => {
    const seedState = stateOf(0)
    assert.throws(() => dropout(ones([2]), 1, { seedState, stream: 0 }), ConfigError)
    assert.throws(() => dropout(ones([2]), 0.5, { seedState, stream: -1 }), ConfigError)
    assert.throws(() => dropout(ones([2]), 0.5, { seedState: zeros([2], { dtype: 'uint32' }), stream: 0 }), ShapeError)
    assert.throws(() => dropout(ones([2]), 0.5, { seedState: zeros([4]), stream: 0 }), DtypeError)
  })
})
