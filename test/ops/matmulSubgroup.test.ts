import assert from 'node:assert/strict'
import { create } from 'webgpu'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { kernelOf } from '../../src/device/webgpu/kernel.js'
import { kernels } from '../../src/device/webgpu/kernels.generated.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import type { Target } from '../../src/device/webgpu/plan.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'
import { open } from '../../src/open.js'
import { planMatmul } from '../../src/ops/matmul.plan.js'
import { check } from './forcedMatmul.js'

const NVIDIA: SubgroupMatrix = { m: 16, n: 16, k: 16, lanes: 32 }
const APPLE: SubgroupMatrix = { m: 8, n: 8, k: 8, lanes: 32 }
const INTEL: SubgroupMatrix = { m: 8, n: 16, k: 16, lanes: 16 }

const targetOf = (subgroupMatrix: SubgroupMatrix): Target => ({
  limits: MINIMUM_LIMITS,
  features: new Set(),
  software: false,
  subgroupMatrix,
})

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

  it('covers 128 × 128 outputs a workgroup where such tiles keep a GPU busy, else 64 × 64', () => {
    for (const unit of [NVIDIA, APPLE, INTEL]) {
      const extentOfSize = (size: number) => {
        const [{ parameters, params }] = planMatmul(launchOf(size, size, 512), targetOf(unit)) as [
          ReturnType<typeof planMatmul>[0],
        ]
        const { M, N, R, C } = parameters as Record<string, number>
        const extent = [2 * R! * M!, 2 * C! * N!]
        assert.deepEqual(
          [params!.row_tiles, params!.column_tiles],
          extent.map(side => Math.ceil(size / side)),
        )
        return extent
      }
      assert.deepEqual(extentOfSize(4096), [128, 128])
      assert.deepEqual(extentOfSize(500), [64, 64])
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
  // Dawn's null backend runs nothing, but offers every feature, so that Tint checks the text. It must outlive the test:
  // the process dies when Dawn's object is collected before what was made of it.
  const nothing = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis'])

  it('is what Tint takes for WGSL, and a pipeline, for every kind of matrix and operand', async () => {
    const adapter = await nothing.requestAdapter()
    const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[]
    const gpu = await adapter!.requestDevice({ requiredFeatures: features })
    for (const unit of [NVIDIA, APPLE, { ...INTEL, lanes: 32 }]) {
      for (const [size, transposed] of [
        [4096, false],
        [500, true],
        [501, false],
        [501, true],
      ] as const) {
        const launch = launchOf(size, size, size, { transposeA: transposed, transposeB: transposed })
        const ended = { ...launch, bias: launch.a, residual: launch.b, relu: true }
        for (const plain of [launch, ended]) {
          const { key, source } = kernelOf(planMatmul(plain, targetOf(unit), { splits: 1 })[0]!)
          gpu.pushErrorScope('validation')
          const module = gpu.createShaderModule({ code: source })
          gpu.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
          const { messages } = await module.getCompilationInfo()
          assert.deepEqual(
            [...messages].map(({ message }) => message),
            [],
            key,
          )
          assert.equal((await gpu.popErrorScope())?.message, undefined, key)
        }
      }
    }
    gpu.destroy()
  })

  describe('with functions in the place of matrix units', () => {
    // Lavapipe's subgroups have eight lanes. Here each computes the whole matrix, in memory of its own.
    const unit: SubgroupMatrix = { m: 8, n: 4, k: 4, lanes: 8 }
    const texts: Record<string, string> = kernels
    const original = texts.matmul_subgroup_matrix!
    let device: Device

    before(async () => {
      texts.matmul_subgroup_matrix = emulated(original)
      device = await open({ device: 'webgpu' })
    })

    after(() => {
      texts.matmul_subgroup_matrix = original
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
        await check(device, { ...problem, precision: 'float16' }, { ...force, splits }, unit)
      }
    })
  })
})

/** The kernel with arrays for subgroup matrices, each lane by itself, for devices without matrix units. */
function emulated(source: string): string {
  return `${source
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace(/subgroup_matrix_result<[^>]*>/g, 'Sums')
    .replace(/subgroupMatrixLoad<subgroup_matrix_(left|right)<[^>]*>, (row_major|col_major)>\(\s*&(\w+),/g, '$1_$2_$3(')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply_accumulate(')
    .replaceAll('subgroupMatrixStore<row_major>(&sums,', 'store_sums(')}
alias Left = array<f32, {{M * K}}>;
alias Right = array<f32, {{N * K}}>;
alias Sums = array<f32, {{M * N}}>;
fn left_row_major_tile_a(at: u32, stride: u32) -> Left {
  var left: Left;
  for (var i = 0u; i < {{M * K}}u; i++) { left[i] = f32(tile_a[at + i / {{K}}u * stride + i % {{K}}u]); }
  return left;
}
fn right_col_major_tile_b(at: u32, stride: u32) -> Right {
  var right: Right;
  for (var i = 0u; i < {{N * K}}u; i++) { right[i] = f32(tile_b[at + i / {{K}}u * stride + i % {{K}}u]); }
  return right;
}
fn multiply_accumulate(left: Left, right: Right, before: Sums) -> Sums {
  var sums = before;
  for (var i = 0u; i < {{M * N}}u; i++) {
    for (var k = 0u; k < {{K}}u; k++) { sums[i] += left[i / {{N}}u * {{K}}u + k] * right[i % {{N}}u * {{K}}u + k]; }
  }
  return sums;
}
fn store_sums(at: u32, values: Sums, stride: u32) {
  for (var i = 0u; i < {{M * N}}u; i++) { sums[at + i / {{N}}u * stride + i % {{N}}u] = values[i]; }
}
`
}
