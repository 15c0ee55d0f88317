import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { batchNorm } from '../../src/ops/batchNorm.js'
import { planBatchNorm } from '../../src/ops/batchNorm.plan.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { ones, tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { checkpoint, gradients } from '../../src/tensor/tape.js'
import { Storage, Tensor } from '../../src/tensor/tensor.js'
import { check } from '../conformance/case.js'
import { runBatchNorm } from '../conformance/norm.js'
import { type BatchNormAttributes, batchNorm as reference } from '../reference/batchNorm.js'
import { generator, normal } from '../reference/random.js'

function limitsOf(maxWorkgroupsPerDimension: number) {
  return {
    maxBindingBytes: 2 ** 27,
    maxBufferBytes: 2 ** 28,
    maxStorageBuffers: 8,
    maxWorkgroupInvocations: 256,
    maxWorkgroupBytes: 16_384,
    maxWorkgroupsPerDimension,
  }
}

describe('batchNorm plan', () => {
  const buffer = { id: 1, bytes: 2 ** 27 }
  const slice = { buffer, offset: 0, bytes: 4 }

  for (const software of [true, false]) {
    for (const [splits, rows, channels] of [
      [1, 1, 1],
      [1, 7, 3],
      [3, 7, 3],
      [1, 1000, 8],
      [1, 65_536, 16],
      [8, 8192, 16],
      [64, 1, 4],
      [1, 33, 2048],
      [1, 1_000_003, 64],
    ] as const) {
      const title = `[${splits},${rows},${channels}], ${software ? 'software' : 'hardware'}`
      it(`deals every row to one walker: ${title}`, () => {
        const dispatches = planBatchNorm(
          {
            op: 'batchNorm',
            x: slice,
            residual: slice,
            gamma: slice,
            beta: slice,
            runningMean: slice,
            runningVariance: slice,
            coefficients: slice,
            y: slice,
            splits,
            rows,
            channels,
            batch: true,
            relu: true,
            momentum: 0.1,
            epsilon: 1e-5,
          },
          { limits: limitsOf(65_535), features: new Set(), software },
        )
        for (const { kernel, bindings, params, grid } of dispatches) {
          assert.ok(bindings.length <= 8)
          if (kernel === 'batch_norm_coefficients') continue
          const { bundle, chunk, walkers, columns } = params as Record<string, number>
          // Each bundle has a chunk; together they cover all rows and none is without.
          const bundles = walkers! / bundle!
          assert.equal(bundles, Math.ceil(rows / chunk!))
          assert.equal(chunk! % bundle!, 0)
          assert.ok(64 * grid[0] * grid[1] >= walkers! * columns!)
          assert.equal(grid[2], splits)
        }
      })
    }
  }
})

describe('batchNorm', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  const statistics = (channels: number) => ({ runningMean: zeros([channels]), runningVariance: ones([channels]) })

  it('survives a mean far above the deviation', async () => {
    const attributes: BatchNormAttributes = { mode: 'update' }
    const far = (random: () => number, count: number) => normal()(random, count).map(value => value + 1000)
    for (const channels of [3, 8]) {
      const vector = { shape: [channels] }
      await check(device, {
        name: `mean 1000, ${channels} channels`,
        inputs: [
          { shape: [4000, channels], draw: far },
          vector,
          vector,
          { ...vector, differentiable: false },
          { ...vector, differentiable: false },
        ],
        run: inputs => runBatchNorm(inputs, attributes),
        reference: inputs => reference.forward(inputs, attributes),
        gradient: (inputs, outputGradient) => reference.gradient(inputs, attributes, outputGradient),
        // float32 holds 1000 to 6e-5: so much of a deviation is lost before anything is computed.
        depth: 4000,
        floor: 6e-5,
      })
    }
  })

  it('survives an outlier where the walk begins', async () => {
    const rows = 5000
    const random = generator(3)
    const values = normal(1e-3)(random, rows)
    values[0] = 100
    const options = statistics(1)
    scope(() => batchNorm(tensor(values, { shape: [rows, 1] }), { ...options, mode: 'update', momentum: 1 }))
    const mean = values.reduce((total, v) => total + v, 0) / rows
    const variance = values.reduce((total, v) => total + (v - mean) ** 2, 0) / (rows - 1)
    assert.ok(Math.abs((await options.runningVariance.item()) / variance - 1) < 1e-5)
    for (const each of Object.values(options)) each.dispose()
  })

  it('has no factor and no offset where none is given', async () => {
    const options = statistics(2)
    const y = scope(() =>
      batchNorm(
        tensor([
          [1, 10],
          [3, 30],
        ]),
        { ...options, mode: 'frozen', epsilon: 0 },
      ),
    )
    assert.deepEqual([...(await y.data())], [-1, -1, 1, 1])
  })

  it('keeps running statistics and parameters as slots of two arenas', async () => {
    const slots = (...values: number[]) => {
      const storage = new Storage(device, device.alloc(256 * values.length))
      return values.map((value, i) => {
        const slot = new Tensor(storage.retain(), 256 * i, [4], 'float32')
        slot.write(new Float32Array(4).fill(value))
        return slot
      }) as [Tensor, Tensor]
    }
    const [runningMean, runningVariance] = slots(0, 1)
    const [gamma, beta] = slots(2, 5)
    const x = tensor([0, 0, 0, 0, 4, 4, 4, 4], { shape: [2, 4] })
    const y = batchNorm(x, { gamma, beta, runningMean, runningVariance, mode: 'update', epsilon: 0 })
    assert.deepEqual([...(await y.data())], [3, 3, 3, 3, 7, 7, 7, 7])
    assert.ok(Math.abs((await runningMean.data())[3]! - 0.2) < 1e-6)
    assert.ok(Math.abs((await runningVariance.data())[3]! - 1.7) < 1e-6)
  })

  it('counts a batch once where a checkpoint runs it twice', async () => {
    const options = statistics(1)
    const x = tensor([[0], [4]], { requiresGradient: true })
    const [dx] = scope(() => {
      const y = checkpoint(input => batchNorm(input!, { ...options, mode: 'update' }), [x])
      return gradients(sum(mul(y, tensor([[1], [3]]))), [x])
    })
    assert.ok(Math.abs((await options.runningMean.item()) - 0.2) < 1e-6)
    assert.equal(dx!.size, 2)
  })

  it('gives all memory back', async () => {
    const options = statistics(8)
    const x = tensor(new Float32Array(64), { shape: [8, 8], requiresGradient: true })
    const before = device.memory().buffers
    scope(() => {
      gradients(sum(batchNorm(x, { ...options, mode: 'update', relu: true, residual: x })), [x])
    })
    assert.equal(device.memory().buffers, before)
  })

  it('in splits is so many batch norms, of neighbours', async () => {
    const values = Float32Array.from(normal()(generator(9), 6 * 10 * 3))
    const norm = (part: Float32Array, splits: number) => {
      const options = { ...statistics(3), mode: 'frozen' as const, splits }
      return scope(() => batchNorm(tensor(part, { shape: [part.length / 30, 10, 3] }), options)).data()
    }
    const together = await norm(values, 3)
    for (const split of [0, 1, 2]) {
      const alone = await norm(values.slice(split * 60, (split + 1) * 60), 1)
      alone.forEach((value, i) => {
        assert.ok(Math.abs(value - together[split * 60 + i]!) < 1e-6)
      })
    }
    assert.deepEqual(
      await norm(values, 1),
      await scope(() => batchNorm(tensor(values, { shape: [6, 10, 3] }), { ...statistics(3), mode: 'frozen' })).data(),
    )
  })

  it('refuses a second order instead of leaving terms out', () => {
    const x = tensor([[1], [2], [4]], { requiresGradient: true })
    const y = batchNorm(x, { ...statistics(1), mode: 'frozen' })
    const [dx] = gradients(sum(mul(y, y)), [x], { createGraph: true })
    assert.throws(() => gradients(sum(mul(dx!, dx!)), [x]), GradientError)
  })

  it('refuses what does not fit', () => {
    const x = zeros([2, 3])
    const options = { ...statistics(3), mode: 'update' as const }
    assert.throws(() => batchNorm(zeros([2, 4]), options), ShapeError)
    assert.throws(() => batchNorm(x, { ...options, gamma: ones([4]) }), ShapeError)
    assert.throws(() => batchNorm(x, { ...options, residual: ones([3]) }), ShapeError)
    assert.throws(() => batchNorm(zeros([1, 3]), options), /more than one value a channel/)
    assert.throws(
      () => batchNorm(x, { ...options, splits: 2 }),
      /more than one value a channel, got x \[2,3\] in 2 spl/,
    )
    assert.throws(
      () => batchNorm(zeros([8, 3]), { ...options, splits: 3 }),
      /divide the first axis, got x \[8,3\] in 3/,
    )
    assert.throws(() => batchNorm(zeros([8, 3]), { ...options, splits: 0.5 }), ShapeError)
    assert.throws(() => batchNorm(zeros([2, 3], { dtype: 'int32' }), options), DtypeError)
  })
})
