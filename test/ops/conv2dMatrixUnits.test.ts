import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { Precision } from '../../src/device/launch.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'
import { open } from '../../src/open.js'
import { type ConvolutionSizes, planConv2d } from '../../src/ops/conv2d.plan.js'
import {
  type ConvolutionLaunch,
  checkConvolution,
  type Prescription,
  type Problem,
  planConvolution,
  STEM,
  sizesOf,
  slice,
} from './forcedConv2d.js'
import { APPLE, compileAll, EMULATED, emulateUnits, INTEL, NVIDIA, targetOf } from './matrixUnits.js'

const [out, x, dy, filter] = [slice, slice, slice, slice]

/** The three launches of a convolution. */
function launchesOf(sizes: Partial<ConvolutionSizes>, precision: Precision = 'float16'): ConvolutionLaunch[] {
  const common = { ...sizesOf(sizes), precision, out }
  return [
    { op: 'conv2d', x, filter, ...common },
    { op: 'conv2dBackwardData', dy, filter, ...common },
    { op: 'conv2dBackwardFilter', x, dy, ...common },
  ]
}

/** The kernels of the products, without what goes before and after. */
function kernelsOf(unit: SubgroupMatrix, sizes: Partial<ConvolutionSizes>, precision?: Precision): string[] {
  return launchesOf(sizes, precision)
    .flatMap(launch => planConvolution(launch, targetOf(unit)))
    .map(({ kernel }) => kernel)
    .filter(kernel => kernel.startsWith('conv2d'))
}

const DEEP = { images: 256, channels: 64, filters: 64 }

describe('planConv2d where there are subgroup matrices', () => {
  it('multiplies with them in float16 alone, and where half of a tile is filled', () => {
    for (const unit of [NVIDIA, APPLE, INTEL]) {
      const units = ['conv2d_subgroup_matrix', 'conv2d_subgroup_matrix', 'conv2d_backward_filter_subgroup_matrix']
      assert.deepEqual(kernelsOf(unit, DEEP), units)
      const shared = ['conv2d_workgroup', 'conv2d_workgroup', 'conv2d_backward_filter_workgroup']
      assert.deepEqual(kernelsOf(unit, DEEP, 'float32'), shared)
    }
    assert.equal(kernelsOf(NVIDIA, { ...DEEP, filters: 24 })[0], 'conv2d_workgroup')
    const [launch] = launchesOf(DEEP)
    assert.equal(planConvolution(launch!, { ...targetOf(NVIDIA), software: true })[0]!.kernel, 'conv2d')
  })

  it("covers every output, and every pixel of a filter's gradient by whole turns", () => {
    for (const unit of [NVIDIA, APPLE, INTEL]) {
      for (const launch of launchesOf({ ...DEEP, channels: 96 })) {
        const { kernel, parameters, params } = planConvolution(launch, targetOf(unit)).find(each =>
          each.kernel.endsWith('subgroup_matrix'),
        )!
        const { M, N, K, R, C, S } = parameters as Record<string, number>
        const { rows, columns, row_tiles, column_tiles, chunk, splits, pixels } = params as Record<string, number>
        assert.ok(2 * R! * M! * row_tiles! >= rows! && 2 * R! * M! * (row_tiles! - 1) < rows!)
        assert.ok(2 * C! * N! * column_tiles! >= columns! && 2 * C! * N! * (column_tiles! - 1) < columns!)
        if (kernel.startsWith('conv2d_backward_filter')) {
          assert.ok(chunk! % (S! * K!) === 0 && splits! * chunk! >= pixels! && (splits! - 1) * chunk! < pixels!)
        }
      }
    }
  })

  it('leaves alone matrices whose tiles are not dealt out evenly', () => {
    for (const unit of [
      { ...NVIDIA, m: 12 },
      { ...NVIDIA, lanes: 24 },
      { ...NVIDIA, lanes: 128 },
    ]) {
      assert.equal(kernelsOf(unit, DEEP)[0], 'conv2d_workgroup')
    }
  })
})

describe('conv2d_subgroup_matrix.wgsl and conv2d_backward_filter_subgroup_matrix.wgsl', () => {
  it('are what Tint takes for WGSL, and pipelines, for every kind of matrix and operand', async () => {
    const dispatches = [NVIDIA, APPLE, { ...INTEL, lanes: 32 }].flatMap(unit => {
      const target = targetOf(unit)
      const plain = [DEEP, { ...DEEP, channels: 34, filters: 33 }]
        .flatMap(sizes => launchesOf(sizes))
        .flatMap(launch => planConvolution(launch, target))
      const [forward] = launchesOf(DEEP)
      const norm = { coefficients: slice, residual: slice, relu: true }
      return [...plain, ...planConv2d(forward as Extract<ConvolutionLaunch, { op: 'conv2d' }>, target, {}, norm)]
    })
    const units = dispatches.filter(({ kernel }) => kernel.endsWith('subgroup_matrix'))
    assert.equal(units.length, 3 * 7)
    await compileAll(units)
  })

  describe('with functions in the place of matrix units', () => {
    let device: Device
    let restore: () => void

    before(async () => {
      restore = emulateUnits('conv2d_subgroup_matrix', 'conv2d_backward_filter_subgroup_matrix')
      device = await open({ device: 'webgpu' })
    })

    after(() => {
      restore()
      return device.close()
    })

    const units: Prescription = { force: {}, precision: 'float16', subgroupMatrix: EMULATED }
    const problems: Record<string, Problem> = {
      'groups, a stride and dilation, beyond whole tiles': [
        [1, 13, 9, 16],
        [3, 2, 8, 36],
        { stride: 3, dilation: 2, padding: [2, 1, 0, 2], groups: 2 },
      ],
      'a stem of three channels': STEM,
    }
    for (const [name, problem] of Object.entries(problems)) {
      it(`${name}: as in float64, forward and both gradients`, async () => {
        const matrixTile = { rows: 1, columns: 2, turn: 2 }
        await checkConvolution(device, problem, {
          ...units,
          force: { kernel: 'subgroupMatrix', matrixTile, splits: 3 },
        })
      })
    }
  }).timeout(240_000)
})
