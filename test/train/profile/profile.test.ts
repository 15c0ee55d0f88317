import assert from 'node:assert/strict'
import type { LaunchTime, Slice } from '../../../src/device/device.js'
import { ConfigError } from '../../../src/device/errors.js'
import type { LaunchOf } from '../../../src/device/launch.js'
import '../../../src/nn/copyInto.js'
import '../../../src/ops/matmul.js'
import { createLog } from '../../../src/train/log.js'
import { chromeTrace } from '../../../src/train/profile/chromeTrace.js'
import { breakdownOf, profileTraining } from '../../../src/train/profile/profile.js'
import { shapeOf } from '../../../src/train/profile/shapeOf.js'
import { resolveConfig } from '../../../src/train/recipes.js'

const slice = (bytes: number): Slice => ({ buffer: { id: 1, bytes }, offset: 0, bytes })
const copy = (count: number): LaunchOf<'copyInto'> => {
  return { op: 'copyInto', from: slice(4 * count), to: slice(4 * count), count, accumulate: false }
}
const sizes = { batch: 1, m: 2, n: 3, k: 4, transposeA: false, transposeB: true, sharedA: true, sharedB: true }
const product = { op: 'matmul', a: slice(32), b: slice(48), out: slice(24), ...sizes } as const

/** Two steps of three launches: 2, 1 and 4 ms, with 1 ms between steps. */
const times = (
  [
    [copy(8), 10e6, 12e6],
    [copy(2), 12e6, 13e6],
    [product, 13.5e6, 17.5e6],
    [copy(8), 18.5e6, 20.5e6],
    [copy(2), 20.5e6, 21.5e6],
    [product, 22e6, 26e6],
  ] as const
).map(([launch, begin, end]): LaunchTime => ({ launch, begin, end, longestDispatch: end - begin }))

describe('profile', () => {
  it('groups launches by op and shape, by the step, the longest first', () => {
    const { step_ms, launches } = breakdownOf(times, 2)
    assert.equal(step_ms, 8)
    assert.deepEqual(
      launches.map(({ op, shape, count, ms, share, bytes }) => [op, shape, count, ms, share, bytes]),
      [
        ['matmul', '2x4 · 4x3ᵀ', 1, 4, 0.5, 104],
        ['copyInto', 'count 8', 1, 2, 0.25, 64],
        ['copyInto', 'count 2', 1, 1, 0.125, 16],
      ],
    )
    assert.equal(launches[0]!.gb_s, 104 / 4e6)
  })

  it('says how long nothing runs, and where the longest', () => {
    const { idle } = breakdownOf(times, 2)
    assert.deepEqual(idle, { ms: 1, share: 0.125, longest: { ms: 1, after: 'matmul', before: 'copyInto' } })
    assert.deepEqual(breakdownOf([], 1), { step_ms: 0, idle: { ms: 0, share: 0, longest: null }, launches: [] })
  })

  it('tells shapes in a few words', () => {
    const image = { images: 8, height: 28, width: 28, channels: 3, outHeight: 14, outWidth: 14, filters: 32 }
    const window = { kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2, top: 1, left: 1 }
    const [x, filter, out] = [slice(4), slice(4), slice(4)]
    const convolution = {
      op: 'conv2d',
      x,
      filter,
      out,
      ...image,
      ...window,
      dilationY: 1,
      dilationX: 1,
      groups: 1,
    } as const
    assert.equal(shapeOf(convolution), '8x28x28x3→32, 3x3, stride 2')
    assert.equal(
      shapeOf({ ...convolution, strideX: 1, precision: 'bfloat16' }),
      '8x28x28x3→32, 3x3, stride 2x1, bfloat16',
    )
    assert.equal(shapeOf({ ...convolution, strideY: 1, strideX: 1, groups: 3 }), '8x28x28x3→32, 3x3, 3 groups')
    assert.equal(shapeOf({ ...product, batch: 5, transposeA: true, precision: 'float32' }), '5 of 2x4ᵀ · 4x3ᵀ')
    assert.equal(shapeOf({ ...copy(9), accumulate: true }), 'count 9, accumulate')
  })

  it('becomes a Chrome trace that begins at 0', () => {
    const { traceEvents } = chromeTrace(times, 'cpu: a processor') as { traceEvents: Record<string, unknown>[] }
    const [name, ...events] = traceEvents
    assert.deepEqual(name, { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: 'cpu: a processor' } })
    assert.equal(events.length, times.length)
    const args = { shape: '2x4 · 4x3ᵀ', bytes: 104 }
    assert.deepEqual(events[2], { name: 'matmul', ph: 'X', ts: 3500, dur: 4000, pid: 1, tid: 1, args })
  })

  for (const device of ['cpu', 'webgpu'] as const) {
    it(`times the steps of a training run on ${device}`, async () => {
      const settings = { data: 'mnist', limit: 64, batch: 8, width: 4, projector: [8, 8], device }
      const config = resolveConfig(settings, 'peer')
      const log = createLog({ isTTY: false, write: () => true })
      const { profile, times } = await profileTraining(config, { steps: 2, log })
      assert.equal(profile.device, device)
      assert.deepEqual([profile.method, profile.batch, profile.steps], ['simclr', 8, 2])
      const ops = new Set(profile.launches.map(({ op }) => op))
      for (const op of ['augment', 'conv2d', 'conv2dBackwardFilter', 'batchNorm', 'ntXent', 'sgd'])
        assert.ok(ops.has(op))
      const counted = profile.launches.reduce((sum, { count }) => sum + count, 0)
      assert.equal(counted, times.length / 2)
      const time = profile.launches.reduce((sum, { ms }) => sum + ms, profile.idle.ms)
      assert.ok(Math.abs(time / profile.step_ms - 1) < 1e-6, `${time} of ${profile.step_ms} ms`)
      assert.ok(Math.abs(profile.images_per_s * profile.step_ms - 8000) < 1e-6)
    })
  }

  it('is refused where a configuration cannot be run', async () => {
    // MAE wants a vision transformer.
    const config = resolveConfig({ data: 'mnist', method: 'mae', limit: 20, batch: 8, device: 'cpu' })
    const log = createLog({ isTTY: false, write: () => true })
    await assert.rejects(profileTraining(config, { steps: 1, log }), ConfigError)
  })
})
