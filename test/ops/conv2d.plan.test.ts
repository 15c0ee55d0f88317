import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf, Precision } from '../../src/device/launch.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import { type Dispatch, implement, type Target } from '../../src/device/webgpu/plan.js'
import { open } from '../../src/open.js'
import { type Conv2dOptions, conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../../src/ops/conv2d.js'
import {
  type ConvolutionForce,
  type ConvolutionSizes,
  planConv2d,
  planConv2dBackwardData,
  tapsOfPhase,
} from '../../src/ops/conv2d.plan.js'
import { planConv2dBackwardFilter } from '../../src/ops/conv2dBackwardFilter.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type Array64, array, map } from '../reference/array.js'
import { type Conv2dAttributes, conv2d as reference } from '../reference/conv2d.js'
import { half } from '../reference/half.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    forcedConv2d: { launch: ConvolutionLaunch; force: ConvolutionForce }
  }
}

type ConvolutionLaunch = LaunchOf<'conv2d'> | LaunchOf<'conv2dBackwardData'> | LaunchOf<'conv2dBackwardFilter'>

implement('forcedConv2d', ({ launch, force }, target) => planOf(launch, target, force))

function planOf(launch: ConvolutionLaunch, target: Target, force: ConvolutionForce = {}): readonly Dispatch[] {
  if (launch.op === 'conv2d') return planConv2d(launch, target, force)
  if (launch.op === 'conv2dBackwardData') return planConv2dBackwardData(launch, target, force)
  return planConv2dBackwardFilter(launch, target, force)
}

const target: Target = {
  limits: MINIMUM_LIMITS,
  features: new Set(),
  software: true,
}

const slice = { buffer: { id: 0, bytes: 2 ** 30 }, offset: 0, bytes: 2 ** 30 }

/** A 3×3 convolution with padding 1 and stride 1, unless the sizes say otherwise. */
function sizesOf(sizes: Partial<ConvolutionSizes> = {}): ConvolutionSizes {
  return {
    images: 2,
    height: 8,
    width: 8,
    channels: 16,
    outHeight: 8,
    outWidth: 8,
    filters: 32,
    kernelHeight: 3,
    kernelWidth: 3,
    strideY: 1,
    strideX: 1,
    top: 1,
    left: 1,
    dilationY: 1,
    dilationX: 1,
    groups: 1,
    ...sizes,
  }
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

type Problem = readonly [x: number[], filter: number[], attributes: Conv2dAttributes]

/** Input channels a group are a multiple of four, so that the tiles below fit backward-filter too. */
const PROBLEMS: readonly Problem[] = [
  [[2, 7, 5, 8], [3, 3, 8, 12], { padding: 1 }],
  [[1, 9, 8, 8], [3, 2, 4, 6], { stride: 2, padding: [1, 0, 2, 1], groups: 2 }],
  [[2, 6, 7, 4], [1, 1, 4, 5], {}],
]

/** More than one tile along pixels, along (tap, channel) and along output channels. */
const LARGE: Problem = [[2, 9, 11, 20], [3, 3, 20, 68], { padding: 1 }]
const STEM: Problem = [[1, 12, 13, 3], [5, 5, 3, 33], { stride: 2, padding: 2 }]
const GROUPED: Problem = [[1, 13, 9, 12], [3, 2, 6, 34], { stride: 3, dilation: 2, padding: [2, 1, 0, 2], groups: 2 }]

interface Choice {
  readonly force: ConvolutionForce
  readonly problems?: readonly Problem[]
  readonly precision?: Precision
}

const FORCES: Record<string, Choice> = {
  'lanes along pixels': { force: { tile: { rows: 4, columns: 2, x: 1, y: 8 } } },
  'products in float16': {
    force: { tile: { rows: 4, columns: 1, x: 1, y: 8 } },
    problems: [PROBLEMS[0]!, PROBLEMS[1]!],
    precision: 'float16',
  },
  'lanes along channels': { force: { tile: { rows: 4, columns: 1, x: 8, y: 1 } } },
  'lanes along both, five splits': { force: { tile: { rows: 4, columns: 1, x: 4, y: 8 }, splits: 5 } },
  'no detour over matmul': { force: { direct: true } },
  'workgroup memory, three splits': {
    force: { kernel: 'workgroup', splits: 3 },
    problems: [LARGE, STEM, GROUPED],
  },
  'workgroup memory, wide and tall tiles': {
    force: { kernel: 'workgroup', tile: { rows: 8, columns: 2, x: 8, y: 16 } },
    problems: [LARGE],
  },
  'workgroup memory, products in float16': {
    force: { kernel: 'workgroup' },
    problems: [LARGE],
    precision: 'float16',
  },
}

describe('conv2d kernels', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  for (const [name, { force, problems = PROBLEMS, precision = 'float32' }] of Object.entries(FORCES)) {
    it(`${name}: as in float64, forward and both gradients`, async () => {
      for (const [xShape, filterShape, attributes] of problems) {
        const x = wave(xShape, 1)
        const filter = wave(filterShape, 2)
        const dy = wave(reference.forward([x, filter], attributes).shape, 3)
        // Operands are rounded as they are loaded: as in float64 on what was rounded.
        const rounded = (each: Array64) => (precision === 'float16' ? map(each, half) : each)
        const y = reference.forward([rounded(x), rounded(filter)], attributes)
        const [dx, df] = reference.gradient([rounded(x), rounded(filter)], attributes, rounded(dy))
        const [tx, tf, tdy] = [x, filter, dy].map(each =>
          tensor(Float32Array.from(each.data), { shape: each.shape, device }),
        )
        const options = { ...attributes, precision } as Conv2dOptions
        const forced = forcing(device, force)
        await near(
          forced(() => conv2d(tx!, tf!, options)),
          y,
          `${name} [${xShape}]`,
        )
        await near(
          forced(() => conv2dBackwardData(tdy!, tf!, xShape, options)),
          dx!,
          `${name} [${xShape}] data`,
        )
        await near(
          forced(() => conv2dBackwardFilter(tx!, tdy!, filterShape, options)),
          df!,
          `${name} [${xShape}] filter`,
        )
      }
    })
  }
  // Twenty-odd pipelines to compile, on a busy machine.
}).timeout(240_000)

describe('conv2d of second order', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  it('has gradients that are differentiable by the other two', async () => {
    const options = { stride: 2, padding: 1 }
    const [x, filter] = [wave([2, 6, 5, 4], 1), wave([3, 3, 4, 8], 2)]
    const dy = wave(reference.forward([x, filter], options).shape, 3)
    const [gx, gf] = [wave(x.shape, 4), wave(filter.shape, 5)]
    const onDevice = (each: Array64) =>
      tensor(Float32Array.from(each.data), { shape: each.shape, device, requiresGradient: true })
    const [tx, tf, tdy] = [x, filter, dy].map(onDevice) as [Tensor, Tensor, Tensor]

    const data = conv2dBackwardData(tdy, tf, x.shape, options)
    const [dyOfData, filterOfData] = gradients(data, [tdy, tf], { seed: onDevice(gx) })
    await near(dyOfData!, reference.forward([gx, filter], options), 'dy of backward-data')
    await near(filterOfData!, reference.gradient([gx, filter], options, dy)[1]!, 'filter of backward-data')

    const weights = conv2dBackwardFilter(tx, tdy, filter.shape, options)
    const [xOfFilter, dyOfFilter] = gradients(weights, [tx, tdy], { seed: onDevice(gf) })
    await near(xOfFilter!, reference.gradient([x, gf], options, dy)[0]!, 'x of backward-filter')
    await near(dyOfFilter!, reference.forward([x, gf], options), 'dy of backward-filter')
  })
})

function wave(shape: number[], phase: number): Array64 {
  return array(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(phase + 7 * i)),
  )
}

/** Runs `body` with every launch planned under `force`. */
function forcing(device: Device, force: ConvolutionForce): (body: () => Tensor) => Tensor {
  return body => {
    const launch = device.launch
    device.launch = each => launch.call(device, { op: 'forcedConv2d', launch: each as ConvolutionLaunch, force })
    try {
      return body()
    } finally {
      device.launch = launch
    }
  }
}

async function near(got: Tensor, wanted: Array64, what: string): Promise<void> {
  const data = await got.data()
  const error = Math.hypot(...wanted.data.map((value, i) => value - data[i]!))
  const bound = 8 * Math.sqrt(wanted.data.length) * 2 ** -24 * Math.hypot(...wanted.data) + 1e-6
  assert.deepEqual(got.shape, wanted.shape)
  assert.ok(error <= bound, `${what}: off by ${error}, bound ${bound}`)
}
