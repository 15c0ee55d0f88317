import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { conv2dBackwardData, conv2dBackwardFilter } from '../../src/ops/conv2d.js'
import { tensor } from '../../src/tensor/create.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import type { Array64 } from '../reference/array.js'
import { conv2d as reference } from '../reference/conv2d.js'
import { checkConvolution, GROUPED, LARGE, near, type Prescription, type Problem, STEM, wave } from './forcedConv2d.js'

/** Input channels a group are a multiple of four, so that the tiles below fit backward-filter too. */
const PROBLEMS: readonly Problem[] = [
  [[2, 7, 5, 8], [3, 3, 8, 12], { padding: 1 }],
  [[1, 9, 8, 8], [3, 2, 4, 6], { stride: 2, padding: [1, 0, 2, 1], groups: 2 }],
  [[2, 6, 7, 4], [1, 1, 4, 5], {}],
]

interface Choice extends Prescription {
  readonly problems?: readonly Problem[]
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

  for (const [name, { problems = PROBLEMS, ...prescription }] of Object.entries(FORCES)) {
    it(`${name}: as in float64, forward and both gradients`, async () => {
      for (const problem of problems) await checkConvolution(device, problem, prescription)
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
