import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import { open } from '../../src/open.js'
import { planMatmul } from '../../src/ops/matmul.plan.js'
import { check } from './forcedMatmul.js'
import { APPLE, compileAll, EMULATED, emulateUnits, INTEL, NVIDIA, targetOf } from './matrixUnits.js'

function launchOf(m: number, n: number, k: number, more: Partial<LaunchOf<'matmul'>> = {}): LaunchOf<'matmul'> {
  const slice = (elements: number) => ({ buffer: { id: 0, bytes: 4 * elements }, offset: 0, bytes: 4 * elements })
  const sizes = { batch: 1, m, n, k, transposeA: false, transposeB: false, sharedA: false, sharedB: false }
  const operands = { a: slice(m * k), b: slice(k * n), out: slice(m * n) }
  return { op: 'matmul', ...operands, ...sizes, precision: 'float16', ...more }
}

describe('planMatmul where there are subgroup matrices', () => {
  it('multiplies with them in float16 alone, and where most of a tile is filled', () => {
    const kernelOfSize = (m: number, n: number, precision: 'float32' | 'float16') =>
      planMatmul(launchOf(m, n, 512, { precision }), targetOf(NVIDIA))[0]!.kernel
    assert.equal(kernelOfSize(512, 512, 'float16'), 'matmul_subgroup_matrix')
    assert.equal(kernelOfSize(512, 512, 'float32'), 'matmul_workgroup')
    assert.equal(kernelOfSize(512, 4, 'float16'), 'matmul_skinny')
    const software = { ...targetOf(NVIDIA), software: true }
    assert.equal(planMatmul(launchOf(512, 512, 512), software)[0]!.kernel, 'matmul')
  })

  it('covers 128 outputs along each axis where such tiles are filled and keep a GPU busy, else 64', () => {
    for (const unit of [NVIDIA, APPLE, INTEL]) {
      const extentOfSize = (m: number, n: number) => {
        const { parameters, params } = planMatmul(launchOf(m, n, 512), targetOf(unit))[0]!
        const { M, N, R, C, K, S } = parameters as Record<string, number>
        const extent = [2 * R! * M!, 2 * C! * N!]
        assert.deepEqual(
          [params!.row_tiles, params!.column_tiles],
          [Math.ceil(m / extent[0]!), Math.ceil(n / extent[1]!)],
        )
        // Room for both operands in float16 and for a matrix of sums of each subgroup.
        assert.ok(2 * S! * K! * (extent[0]! + extent[1]!) + 16 * M! * N! <= MINIMUM_LIMITS.maxWorkgroupBytes)
        return extent
      }
      assert.deepEqual(extentOfSize(4096, 4096), [128, 128])
      assert.deepEqual(extentOfSize(500_000, 64), [128, 64])
      assert.deepEqual(extentOfSize(64, 500_000), [64, 128])
      assert.deepEqual(extentOfSize(500, 500), [64, 64])
    }
  })

  it('leaves alone matrices that do not divide its tiles, and subgroups that do not fit a workgroup', () => {
    for (const unit of [
      { ...NVIDIA, m: 12 },
      { ...NVIDIA, lanes: 128 },
    ]) {
      assert.equal(planMatmul(launchOf(512, 512, 512), targetOf(unit))[0]!.kernel, 'matmul_workgroup')
    }
  })
})

describe('matmul_subgroup_matrix.wgsl', () => {
  it('is what Tint takes for WGSL, and a pipeline, for every kind of matrix and operand', async () => {
    const dispatches = [NVIDIA, APPLE, { ...INTEL, lanes: 32 }].flatMap(unit =>
      (
        [
          [4096, false],
          [500, true],
          [501, false],
          [501, true],
          [40_000, false],
        ] as const
      ).flatMap(([size, transposed]) => {
        const n = size > 10_000 ? 64 : size
        const launch = launchOf(size, n, size, { transposeA: transposed, transposeB: transposed })
        const ended = { ...launch, bias: launch.a, residual: launch.b, relu: true }
        return [launch, ended].map(plain => planMatmul(plain, targetOf(unit), { splits: 1 })[0]!)
      }),
    )
    assert.ok(dispatches.every(({ kernel }) => kernel === 'matmul_subgroup_matrix'))
    await compileAll(dispatches)
  })

  describe('with functions in the place of matrix units', () => {
    let device: Device
    let restore: () => void

    before(async () => {
      restore = emulateUnits('matmul_subgroup_matrix')
      device = await open({ device: 'webgpu' })
    })

    after(() => {
      restore()
      return device.close()
    })

    it('multiplies as float64 does, transposed or not, beyond whole tiles, in parts', async () => {
      const force = { kernel: 'subgroupMatrix', matrixTile: { rows: 1, columns: 2, turn: 2 } } as const
      for (const [transposed, m, n, k, splits] of [
        [false, 19, 18, 20, 1],
        [true, 18, 19, 35, 2],
        [true, 20, 20, 20, 1],
      ] as const) {
        const problem = { m, n, k, batch: splits, transposeA: transposed, transposeB: transposed, relu: splits === 1 }
        await check(device, { ...problem, precision: 'float16' }, { ...force, splits }, EMULATED)
      }
    })
  })
})
