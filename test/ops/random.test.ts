import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { randomUniform, randomWords, reserve } from '../../src/ops/random.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator, uniformFloat32 } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'

describe('random', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())

  it('gives the bits of the generator, in any place of any stream', async () => {
    for (const [seed, counter, size] of [
      [1, 0, 1],
      [2 ** 33 + 5, 4 * 7, 1023],
      [3, 4 * (2 ** 32 - 3), 33],
      [4, 4 * (2 ** 40 - 1), 8],
    ] as const) {
      const host = new Generator(seed, 'dropout')
      host.state = { ...host.state, counter }
      const words = Uint32Array.from({ length: size }, () => host.uint32())
      const generator = new Generator(seed, 'dropout')
      generator.state = { ...generator.state, counter }
      const [drawn, uniforms] = scope(() => {
        const state = tensor(reserve(generator, size), { device })
        return [randomWords([size], state), randomUniform([size], state)] as const
      })
      assert.deepEqual(await drawn.data(), words)
      assert.deepEqual(await uniforms.data(), Float32Array.from(words, uniformFloat32))
      drawn.dispose()
      uniforms.dispose()
    }
  })

  it('reserves whole blocks that nothing else draws from', () => {
    const generator = new Generator(5)
    generator.uint32()
    assert.deepEqual(reserve(generator, 9).subarray(4), Uint32Array.of(1, 0))
    assert.equal(generator.state.counter, 4 * (1 + 3))
  })

  it('draws other numbers in every replay whose state was written anew', async () => {
    const generator = new Generator(6)
    const state = tensor(reserve(generator, 100), { device })
    let drawn = state
    const program = await device.record(() => {
      drawn = randomUniform([10, 10], state)
    })
    const first = await drawn.data()
    state.write(reserve(generator, 100))
    device.replay(program)
    const second = await drawn.data()
    assert.ok(first.every((value, i) => value !== second[i]))
    drawn.dispose()
    state.dispose()
    device.release(program)
  })

  it('refuses what is not a state', () => {
    scope(() => {
      assert.throws(() => randomUniform([2], tensor(new Uint32Array(4), { device })), ShapeError)
      assert.throws(() => randomWords([2], tensor(new Float32Array(6), { device })), DtypeError)
    })
  })
})
