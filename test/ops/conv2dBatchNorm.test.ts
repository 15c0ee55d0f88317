import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ShapeError } from '../../src/device/errors.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { implement } from '../../src/device/webgpu/plan.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'
import { open } from '../../src/open.js'
import { batchNorm } from '../../src/ops/batchNorm.js'
import { conv2d } from '../../src/ops/conv2d.js'
import { conv2dBatchNorm, planConv2dBatchNorm } from '../../src/ops/conv2dBatchNorm.js'
import type { ConvolutionForce } from '../../src/ops/convolutionTile.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { EMULATED, emulateUnits } from './matrixUnits.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    forcedConv2dBatchNorm: {
      launch: LaunchOf<'conv2dBatchNorm'>
      force: ConvolutionForce
      subgroupMatrix: SubgroupMatrix | undefined
    }
  }
}

implement('forcedConv2dBatchNorm', ({ launch, force, subgroupMatrix }, target) =>
  planConv2dBatchNorm(launch, { ...target, subgroupMatrix }, force),
)

const OPTIONS = { padding: 1 } as const

describe('conv2dBatchNorm', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  function wave(shape: number[], phase: number, requiresGradient = false): Tensor {
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(phase + 7 * i))
    return tensor(values, { shape, device, requiresGradient })
  }

  /** Operands of a convolution to `filters` channels and the norm behind it. */
  function operandsOf(filters: number, residual: boolean) {
    const variance = tensor(
      Array.from({ length: filters }, (_, i) => 1 + i / filters),
      { device },
    )
    return {
      x: wave([2, 7, 5, 8], 1),
      filter: wave([3, 3, 8, filters], 2),
      norm: {
        gamma: wave([filters], 3),
        beta: wave([filters], 4),
        runningMean: wave([filters], 5),
        runningVariance: variance,
        relu: true,
        ...(residual && { residual: wave([2, 7, 5, filters], 6) }),
      },
    }
  }

  /** Runs `body` and says which launches it made; `force` plans those of conv2dBatchNorm. */
  function watching<Result>(
    body: () => Result,
    force?: ConvolutionForce,
    subgroupMatrix?: SubgroupMatrix,
  ): { result: Result; ops: string[] } {
    const ops: string[] = []
    const launch = device.launch
    device.launch = each => {
      ops.push(each.op)
      const forced = force && each.op === 'conv2dBatchNorm'
      launch.call(device, forced ? { op: 'forcedConv2dBatchNorm', launch: each, force, subgroupMatrix } : each)
    }
    try {
      return { result: body(), ops }
    } finally {
      device.launch = launch
    }
  }

  async function same(got: Tensor, wanted: Tensor): Promise<void> {
    const [a, b] = [await got.data(), await wanted.data()]
    const error = Math.hypot(...a.map((value, i) => value - b[i]!))
    assert.ok(error <= 1e-6 * Math.hypot(...b), `off by ${error}`)
  }

  for (const [name, force] of [
    ['registers', { tile: { rows: 4, columns: 1, x: 1, y: 8 } }],
    ['workgroup memory', { kernel: 'workgroup' }],
  ] as const)
    for (const [filters, residual] of [
      [36, true],
      [7, false],
    ] as const)
      it(`${name}, ${filters} filters: the same as convolution and norm, in one launch`, async () => {
        const { x, filter, norm } = operandsOf(filters, residual)
        const { result, ops } = watching(() => conv2dBatchNorm(x, filter, OPTIONS, norm), force)
        assert.deepEqual(ops, ['conv2dBatchNorm'])
        await same(result, batchNorm(conv2d(x, filter, OPTIONS), { ...norm, mode: 'inference' }))
      })

  it('matrix units, in float16: the same as convolution and norm', async () => {
    const restore = emulateUnits('conv2d_subgroup_matrix')
    try {
      const { x, filter, norm } = operandsOf(36, true)
      const half = { ...OPTIONS, precision: 'float16' } as const
      const force = { kernel: 'subgroupMatrix', matrixTile: { rows: 1, columns: 2, turn: 2 } } as const
      const { result } = watching(() => conv2dBatchNorm(x, filter, half, norm), force, EMULATED)
      await same(result, batchNorm(conv2d(x, filter, half), { ...norm, mode: 'inference' }))
    } finally {
      restore()
    }
  })

  it('is those two ops where a gradient is asked for', async () => {
    const { x, norm } = operandsOf(8, false)
    const filter = wave([3, 3, 8, 8], 2, true)
    const { result, ops } = watching(() => conv2dBatchNorm(x, filter, OPTIONS, norm))
    assert.deepEqual(ops, ['conv2d', 'batchNorm'])
    const seed = wave(result.shape as number[], 7)
    const [gradient] = gradients(result, [filter], { seed })
    const apart = batchNorm(conv2d(x, filter, OPTIONS), { ...norm, mode: 'inference' })
    await same(gradient!, gradients(apart, [filter], { seed })[0]!)
  })

  it('refuses a norm of other channels and a residual of another shape', () => {
    const { x, filter, norm } = operandsOf(8, false)
    assert.throws(
      () => conv2dBatchNorm(x, filter, OPTIONS, { ...norm, runningMean: wave([9], 1) }),
      new ShapeError('conv2dBatchNorm: filter [3,3,8,8] wants runningMean [8], got [9]'),
    )
    assert.throws(
      () => conv2dBatchNorm(x, filter, OPTIONS, { ...norm, residual: wave([2, 7, 5, 9], 1) }),
      new ShapeError('conv2dBatchNorm: wants a residual [2,7,5,8], got [2,7,5,9]'),
    )
  })
}).timeout(120_000)
