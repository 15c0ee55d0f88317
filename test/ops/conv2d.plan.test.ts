import assert from 'node:assert/strict'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import type { Target } from '../../src/device/webgpu/plan.js'
import { type ConvolutionSizes, planConv2d, planConv2dBackwardData, tapsOfPhase } from '../../src/ops/conv2d.plan.js'
import { planConv2dBackwardFilter } from '../../src/ops/conv2dBackwardFilter.plan.js'
import { sizesOf, slice } from './forcedConv2d.js'

const target: Target = {
  limits: MINIMUM_LIMITS,
  features: new Set(),
  software: true,
}

const PLAIN = { kernelHeight: 1, kernelWidth: 1, top: 0, left: 0 } as const

describe('planConv2d', () => {
  it('leaves 1×1 without stride, padding or groups to matmul', () => {
    const sizes = sizesOf(PLAIN)
    const [forward] = planConv2d({ op: 'conv2d', x: slice, filter: slice, out: slice, ...sizes }, target)
    const [data] = planConv2dBackwardData(
      { op: 'conv2dBackwardData', dy: slice, filter: slice, out: slice, ...sizes },
      target,
    )
    const [filter] = planConv2dBackwardFilter(
      { op: 'conv2dBackwardFilter', x: slice, dy: slice, out: slice, ...sizes },
      target,
    )
    assert.deepEqual([forward!.kernel, data!.kernel, filter!.kernel], ['matmul', 'matmul', 'matmul'])
    const strided = sizesOf({ ...PLAIN, strideY: 2, strideX: 2, outHeight: 4, outWidth: 4 })
    assert.equal(
      planConv2d({ op: 'conv2d', x: slice, filter: slice, out: slice, ...strided }, target)[0]!.kernel,
      'conv2d',
    )
  })

  it('has the precision as a parameter of every kernel, and of a 1×1 product', () => {
    for (const precision of ['float32', 'float16'] as const)
      for (const sizes of [sizesOf(), sizesOf(PLAIN)]) {
        const common = { precision, out: slice, ...sizes }
        const plans = [
          planConv2d({ op: 'conv2d', x: slice, filter: slice, ...common }, target),
          planConv2dBackwardData({ op: 'conv2dBackwardData', dy: slice, filter: slice, ...common }, target),
          planConv2dBackwardFilter({ op: 'conv2dBackwardFilter', x: slice, dy: slice, ...common }, target),
        ]
        for (const plan of plans) {
          const halves = plan.flatMap(({ parameters }) => (parameters && 'HALF' in parameters ? [parameters.HALF] : []))
          assert.deepEqual(halves, [Number(precision === 'float16')])
        }
      }
  })

  it('counts multiply-adds as work', () => {
    const [dispatch] = planConv2d({ op: 'conv2d', x: slice, filter: slice, out: slice, ...sizesOf() }, target)
    assert.equal(dispatch!.work, 2 * 8 * 8 * 32 * 9 * 16)
  })

  it('splits backward-filter over whole lines that cover every image', () => {
    const sizes = sizesOf({ images: 512, height: 28, width: 28, outHeight: 28, outWidth: 28 })
    const plan = planConv2dBackwardFilter(
      { op: 'conv2dBackwardFilter', x: slice, dy: slice, out: slice, ...sizes },
      target,
    )
    const { splits, chunk, lines } = plan[0]!.params!
    assert.equal(lines, 512 * 28)
    assert.ok(splits! * chunk! >= lines! && (splits! - 1) * chunk! < lines!)
    // Short enough for a float32 sum.
    assert.ok(chunk! * 28 <= 2 ** 15)
    assert.deepEqual([plan.length, plan[1]!.kernel], [2, 'sum_splits'])
  })

  it('shares tiles through workgroup memory on a GPU, where there are enough outputs', () => {
    const hardware = { ...target, software: false }
    const planned = (sizes: Partial<ConvolutionSizes>) =>
      planConv2d({ op: 'conv2d', x: slice, filter: slice, out: slice, ...sizesOf(sizes) }, hardware)[0]!
    const deep = { images: 256, channels: 256, filters: 256 }
    const { kernel, parameters, grid } = planned(deep)
    assert.equal(kernel, 'conv2d_workgroup')
    assert.deepEqual([parameters!.C, parameters!.Y], [2, 16])
    // 128 pixels × 64 channels a workgroup.
    assert.deepEqual(grid, [(256 * 64 * 256) / (128 * 64), 1, 1])
    // Tiles half as tall where the grid would be too small, half as wide where they would stick out.
    assert.deepEqual([planned({ images: 16 }).parameters!.Y, planned({ filters: 96 }).parameters!.C], [8, 1])
    assert.equal(planned({ filters: 16 }).kernel, 'conv2d')
    // Depthwise, all lanes along pixels.
    const depthwise = planned({ channels: 32, filters: 32, groups: 32 })
    assert.deepEqual([depthwise.kernel, depthwise.parameters!.X, depthwise.parameters!.Y], ['conv2d', 1, 64])
    const filter = planConv2dBackwardFilter(
      { op: 'conv2dBackwardFilter', x: slice, dy: slice, out: slice, ...sizesOf(deep) },
      hardware,
    )
    assert.deepEqual(
      filter.map(each => each.kernel),
      ['conv2d_backward_filter_workgroup', 'sum_splits'],
    )
    const { splits, chunk, pixels } = filter[0]!.params!
    assert.equal(pixels, 256 * 64)
    assert.ok(chunk! % 16 === 0 && splits! * chunk! >= pixels! && (splits! - 1) * chunk! < pixels!)
    const [software] = planConv2d({ op: 'conv2d', x: slice, filter: slice, out: slice, ...sizesOf(deep) }, target)
    assert.equal(software!.kernel, 'conv2d')
  })

  it('covers every pixel of backward-data once, a dispatch for each remainder of the stride', () => {
    const sizes = sizesOf({ strideY: 2, strideX: 3, height: 9, width: 7, outHeight: 5, outWidth: 3 })
    const plan = planConv2dBackwardData(
      { op: 'conv2dBackwardData', dy: slice, filter: slice, out: slice, ...sizes },
      target,
    )
    const gathers = plan.filter(({ kernel }) => kernel === 'conv2d')
    assert.equal(gathers.length, 6)
    // The taps that reach a phase are turned over for it.
    assert.equal(plan.filter(({ kernel }) => kernel === 'copy').length, 6)
    assert.equal(
      gathers.reduce((rows, { params }) => rows + params!.rows!, 0),
      2 * 9 * 7,
    )
  })
})

describe('tapsOfPhase', () => {
  it('finds exactly the taps that reach a pixel, and the output pixels they come from', () => {
    for (const stride of [1, 2, 3, 4])
      for (const dilation of [1, 2, 3, 4])
        for (const padding of [0, 1, 2])
          for (const kernel of [1, 2, 3, 5])
            for (let phase = 0; phase < stride; phase++) {
              const taps = tapsOfPhase(phase, stride, padding, dilation, kernel)
              const found: string[] = []
              const wanted: string[] = []
              for (let i = 0; i < 3; i++) {
                for (let t = 0; t < taps.taps; t++)
                  found.push([i, taps.first + t * taps.hop, i + taps.base + t * taps.step].join())
                for (let k = 0; k < kernel; k++) {
                  const output = (i * stride + phase + padding - k * dilation) / stride
                  if (Number.isInteger(output)) wanted.push([i, k, output].join())
                }
              }
              assert.deepEqual(
                found,
                wanted,
                `stride ${stride} dilation ${dilation} padding ${padding} kernel ${kernel} phase ${phase}`,
              )
            }
  })
})
