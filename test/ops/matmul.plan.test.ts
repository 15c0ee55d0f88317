import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { implement, type Target } from '../../src/device/webgpu/plan.js'
import { open } from '../../src/open.js'
import { matmul } from '../../src/ops/matmul.js'
import { extentOf, type MatmulForce, planMatmul, softwareTile, type Tile } from '../../src/ops/matmul.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { empty } from '../../src/tensor/tensor.js'
import { half } from '../reference/half.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    forcedMatmul: { launch: LaunchOf<'matmul'>; force: MatmulForce }
  }
}

implement('forcedMatmul', ({ launch, force }, target) => planMatmul(launch, target, force))

const limits = {
  maxBindingBytes: 128 * 2 ** 20,
  maxBufferBytes: 256 * 2 ** 20,
  maxStorageBuffers: 8,
  maxWorkgroupInvocations: 256,
  maxWorkgroupBytes: 16_384,
  maxWorkgroupsPerDimension: 65_535,
}
const software: Target = { limits, features: new Set(), software: true }
const hardware: Target = { ...software, software: false }

const near = { alongColumns: false, alongRows: false }

/** A launch without memory, for plans that are only looked at. */
function launchOf(m: number, n: number, k: number, batch = 1): LaunchOf<'matmul'> {
  const slice = (elements: number) => ({ buffer: { id: 0, bytes: 4 * elements }, offset: 0, bytes: 4 * elements })
  return {
    op: 'matmul',
    a: slice(batch * m * k),
    b: slice(batch * k * n),
    out: slice(batch * m * n),
    batch,
    m,
    n,
    k,
    transposeA: false,
    transposeB: false,
    sharedA: false,
    sharedB: false,
  }
}

describe('planMatmul', () => {
  it('shares nothing through workgroup memory on a software adapter, and does for large matrices on a GPU', () => {
    assert.equal(planMatmul(launchOf(512, 512, 512), software)[0]!.kernel, 'matmul')
    assert.equal(planMatmul(launchOf(512, 512, 512), hardware)[0]!.kernel, 'matmul_workgroup')
    assert.equal(planMatmul(launchOf(8, 512, 512), hardware)[0]!.kernel, 'matmul')
  })

  it('takes a tile that wastes little of a skinny output', () => {
    assert.equal(softwareTile(1, 512, near).rows, 1)
    assert.equal(softwareTile(1, 512, near).y, 1)
    const narrow = extentOf(softwareTile(512, 4, near))
    assert.equal(narrow.columns, 4)
  })

  it('splits a long sum over a small output, in whole chunks that cover K', () => {
    const [product, sum] = planMatmul(launchOf(16, 32, 10_000), software)
    const { splits, chunk } = product!.params!
    assert.ok(splits! > 1)
    assert.ok(splits! * chunk! >= 10_000 && (splits! - 1) * chunk! < 10_000)
    assert.equal(sum!.kernel, 'sum_splits')
    assert.deepEqual(sum!.bindings[0], product!.bindings[2])
  })

  it('keeps every chunk short enough for float32, where there is room for the partial sums', () => {
    const [short] = planMatmul(launchOf(512, 512, 300_000), software)
    assert.ok(short!.params!.chunk! <= 16_384, `${short!.params!.chunk}`)
    const [product] = planMatmul(launchOf(4096, 2048, 300_000), software)
    assert.equal(product!.params!.splits, 1)
  })

  it('folds a grid that is longer than one dimension', () => {
    const [product] = planMatmul(launchOf(1, 32, 8, 300_000), software)
    assert.ok(product!.grid.every(size => size <= 65_535))
    assert.ok(product!.grid[0] * product!.grid[1] >= 300_000)
  })

  it('has the precision as a parameter of the kernel', () => {
    const halves = (precision: 'float32' | 'float16') =>
      planMatmul({ ...launchOf(512, 512, 512), precision }, hardware)[0]!.parameters!.HALF
    assert.deepEqual([halves('float32'), halves('float16')], [0, 1])
  })

  it('counts multiply-adds as work', () => {
    assert.equal(planMatmul(launchOf(3, 5, 7, 2), software)[0]!.work, 210)
  })
})

const wide: Tile = { rows: 8, columns: 1, x: 8, y: 1 }
const FORCES: Record<string, MatmulForce> = {
  'the planned tile': {},
  'lanes along columns': { kernel: 'register', tile: wide },
  'lanes along rows': { kernel: 'register', tile: { rows: 4, columns: 2, x: 1, y: 8 } },
  'a single row': { kernel: 'register', tile: { rows: 1, columns: 1, x: 8, y: 1 } },
  'lanes along both': { kernel: 'register', tile: { rows: 4, columns: 1, x: 8, y: 8 } },
  'three splits': { kernel: 'register', tile: wide, splits: 3 },
  'workgroup memory': { kernel: 'workgroup' },
  'workgroup memory, two splits': { kernel: 'workgroup', splits: 2 },
}

const SIZES: readonly (readonly [m: number, n: number, k: number, batch: number])[] = [
  [1, 1, 1, 1],
  [3, 5, 1, 2],
  [31, 33, 65, 1],
  [33, 32, 31, 3],
  [68, 132, 36, 2],
  [64, 36, 40, 1],
]

/** Every branch of a kernel text compiles anew, a third of a second each on lavapipe: forced tiles take two sizes. */
const FEW = SIZES.slice(3, 5)

describe('matmul kernels', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  for (const [name, force] of Object.entries(FORCES)) {
    it(`${name}: as the sum in float64, transposed or not, any size`, async () => {
      for (const [m, n, k, batch] of name === 'the planned tile' ? SIZES : FEW) {
        for (const flags of [0, 1, 2, 3]) {
          const [transposeA, transposeB] = [(flags & 1) === 1, (flags & 2) === 2]
          await check(device, { m, n, k, batch, transposeA, transposeB }, force)
        }
      }
    })
  }

  for (const name of ['lanes along rows', 'a single row', 'workgroup memory']) {
    it(`${name}: in float16 as the sum of rounded operands, float32 otherwise`, async () => {
      const [m, n, k, batch] = FEW[1]!
      for (const transposed of [false, true]) {
        const problem = {
          m,
          n,
          k,
          batch,
          transposeA: transposed,
          transposeB: transposed,
          precision: 'float16',
        } as const
        await check(device, problem, FORCES[name]!)
      }
    })
  }
})

describe('matmul in float16', () => {
  it('rounds an operand to the nearest, small numbers too, and loses what is too large', async () => {
    const device = await open({ device: 'webgpu' })
    try {
      const values = [1 + 2 ** -11, 1 + 3 * 2 ** -11, -0.1, 65_519, -65_520, 1.6 * 2 ** -24, 2 ** -15 + 2 ** -25, 0]
      const [column, one] = [tensor(values, { shape: [8, 1], device }), tensor([1], { shape: [1, 1], device })]
      const product = matmul(column, one, { precision: 'float16' })
      assert.deepEqual([...(await product.data())], [...Float32Array.from(values, half)])
    } finally {
      await device.close()
    }
  })
})

interface Problem {
  m: number
  n: number
  k: number
  batch: number
  transposeA: boolean
  transposeB: boolean
  precision?: 'float16'
}

async function check(device: Device, problem: Problem, force: MatmulForce): Promise<void> {
  const { m, n, k, batch, transposeA, transposeB } = problem
  const a = Float32Array.from({ length: batch * m * k }, (_, i) => Math.sin(1 + 3 * i))
  const b = Float32Array.from({ length: batch * k * n }, (_, i) => Math.cos(2 + 5 * i))
  const bias = Float32Array.from({ length: n }, (_, i) => i)
  const got = await scope(() => {
    const operands = [a, b, bias].map(data => tensor(data, { device }))
    const out = empty([batch * m * n], 'float32', device)
    const launch: LaunchOf<'matmul'> = {
      op: 'matmul',
      a: operands[0]!.slice,
      b: operands[1]!.slice,
      bias: operands[2]!.slice,
      out: out.slice,
      ...problem,
      sharedA: false,
      sharedB: false,
    }
    device.launch({ op: 'forcedMatmul', launch, force })
    return out
  }).data()
  const [left, right] = [a, b].map(data => (problem.precision ? data.map(half) : data)) as [Float32Array, Float32Array]
  let error = 0
  let norm = 0
  for (let i = 0; i < got.length; i++) {
    const [column, row, index] = [i % n, Math.floor(i / n) % m, Math.floor(i / (n * m))]
    let sum = bias[column]!
    for (let q = 0; q < k; q++) {
      const inA = transposeA ? q * m + row : row * k + q
      const inB = transposeB ? column * k + q : q * n + column
      sum += left[index * m * k + inA]! * right[index * k * n + inB]!
    }
    error += (got[i]! - sum) ** 2
    norm += sum ** 2
  }
  const bound = 8 * Math.sqrt(k) * 2 ** -24 * Math.sqrt(norm) + 1e-6
  assert.ok(Math.sqrt(error) <= bound, `${JSON.stringify(problem)}: off by ${Math.sqrt(error)}, bound ${bound}`)
}
