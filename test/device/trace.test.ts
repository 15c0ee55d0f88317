import assert from 'node:assert/strict'
import type { Device, LaunchTime } from '../../src/device/device.js'
import { DeviceError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { add } from '../../src/ops/elementwise.js'
import { matmul } from '../../src/ops/matmul.js'
import { sum } from '../../src/ops/sum.js'
import { ones, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'

const names = (times: readonly LaunchTime[]) => times.map(({ launch }) => launch.op)

for (const kind of ['webgpu', 'cpu'] as const) {
  describe(`a trace on ${kind}`, () => {
    let device: Device

    before(async () => {
      device = await open({ device: kind })
    })

    after(() => device.close())

    it('has every launch, eager and replayed, in order and one after the other', async () => {
      const a = ones([256, 256], { device })
      const program = await device.record(() => scope(() => void add(matmul(a, a), a)))
      scope(() => void add(a, a))
      const times = await device.trace(async () => {
        scope(() => void matmul(a, a))
        device.replay(program)
        device.replay(program)
        scope(() => void add(a, a))
      })
      assert.deepEqual(names(times), ['matmul', 'matmul', 'elementwise', 'matmul', 'elementwise', 'elementwise'])
      let last = 0
      for (const { begin, end } of times) {
        assert.ok(begin >= last && end > begin, `from ${begin} to ${end} ns, after ${last}`)
        last = end
      }
      device.release(program)
      a.dispose()
    })

    it('times a launch of several dispatches as one, and the same launch twice as two', async () => {
      const x = ones([1_000_000], { device })
      const program = await device.record(() => scope(() => void sum(x)))
      const times = await device.trace(async () => {
        device.replay(program)
        device.replay(program)
      })
      assert.deepEqual(names(times), ['reduce', 'reduce'])
      for (const { begin, end, longestDispatch } of times) {
        assert.ok(longestDispatch > (end - begin) / 8 && longestDispatch <= end - begin)
        assert.equal(longestDispatch === end - begin, kind === 'cpu')
      }
      device.release(program)
      x.dispose()
    })

    it('changes no bits, and is over when its body is, thrown or not', async () => {
      const a = ones([33, 65], { device })
      const product = () => matmul(a, a, { transposeB: true })
      const before = product()
      let traced = before
      await device.trace(async () => {
        traced = product()
      })
      assert.deepEqual(await traced.data(), await before.data())
      await assert.rejects(
        device.trace(async () => assert.fail('thrown inside')),
        /thrown inside/,
      )
      assert.deepEqual(await device.trace(async () => {}), [])
      for (const each of [a, before, traced]) each.dispose()
    })

    it('is one at a time, and not within a recording', async () => {
      const another = (error: unknown) =>
        error instanceof DeviceError && /trace: .* under way already/.test(error.message)
      await device.trace(() =>
        assert.rejects(
          device.trace(async () => {}),
          another,
        ),
      )
      let inside: Promise<unknown> | undefined
      const program = await device.record(() => {
        inside = assert.rejects(
          device.trace(async () => {}),
          another,
        )
        zeros([4], { device })
      })
      await inside
      device.release(program)
    })
  })
}

describe('a trace without timestamps', () => {
  it('is refused', async () => {
    const device = await open({ device: 'webgpu', limits: 'minimum' })
    await assert.rejects(
      device.trace(async () => {}),
      error => error instanceof DeviceError && /has no timestamp queries/.test(error.message),
    )
    await device.close()
  })
})
