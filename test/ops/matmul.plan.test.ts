import assert from 'node:assert/strict'
import type { LaunchOf } from '../../src/device/launch.js'
import { kernelOf } from '../../src/device/webgpu/kernel.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import type { Target } from '../../src/device/webgpu/plan.js'
import '../../src/ops/matmul.js'
import { extentOf, planMatmul, softwareTile } from '../../src/ops/matmul.plan.js'

const software: Target = { limits: MINIMUM_LIMITS, features: new Set(), software: true }
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
    assert.equal(planMatmul(launchOf(20, 512, 512), hardware)[0]!.kernel, 'matmul')
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

  it('takes a few rows or columns as vectors on a GPU, whichever way they lie', () => {
    for (const [m, n, few, many] of [
      [1, 512, 1, 512],
      [8, 512, 8, 512],
      [300, 5, 5, 300],
      [3, 2, 2, 3],
    ] as const) {
      for (const transposeB of [false, true]) {
        const launch = { ...launchOf(m, n, 4096), transposeB }
        const [product] = planMatmul(launch, hardware)
        assert.equal(product!.kernel, 'matmul_skinny')
        assert.equal(product!.parameters!.FEW, few)
        assert.equal(product!.params!.many, many)
        assert.equal(product!.bindings[1], m <= n ? launch.b : launch.a)
        // The many lie along k where they are rows of A, or columns of a transposed B.
        assert.equal(product!.parameters!.ALONG_K, Number(m <= n ? transposeB : true))
        assert.equal(planMatmul(launch, software)[0]!.kernel, 'matmul')
      }
    }
    assert.equal(planMatmul(launchOf(9, 512, 4096), hardware)[0]!.kernel, 'matmul')
    assert.equal(planMatmul(launchOf(8, 512, 32), hardware)[0]!.kernel, 'matmul')
  })

  it('takes a smaller tile where half of a larger one would be empty, or too few would be left', () => {
    const tileOf = (m: number, n: number, k: number) => {
      const { R, C } = planMatmul(launchOf(m, n, k), hardware)[0]!.parameters!
      return [32 * Number(R), 32 * Number(C)]
    }
    assert.deepEqual(tileOf(4096, 4096, 4096), [64, 64])
    assert.deepEqual(tileOf(4096, 96, 512), [64, 32])
    assert.deepEqual(tileOf(32, 8192, 512), [32, 64])
    assert.deepEqual(tileOf(512, 512, 64), [32, 32])
  })

  it('adds bias and residual and clips where the sum ends: in the product, or behind its parts', () => {
    for (const [target, m, n] of [
      [software, 128, 512],
      [hardware, 8, 80],
      [hardware, 512, 512],
    ] as const) {
      const launch = launchOf(m, n, 2048)
      const ended = { ...launch, bias: launch.a, residual: launch.b, relu: true }
      for (const splits of [1, 3]) {
        const plan = planMatmul(ended, target, { splits })
        assert.equal(plan.length, splits === 1 ? 1 : 2)
        const [first, last] = [plan[0]!, plan.at(-1)!]
        assert.deepEqual(last.bindings.slice(-2), [launch.a, launch.b])
        assert.ok(last.parameters!.BIAS)
        assert.deepEqual([last.parameters!.RESIDUAL, last.parameters!.RELU], [1, 1])
        if (last !== first) assert.deepEqual([first.parameters!.BIAS, first.parameters!.RESIDUAL], [0, 0])
        if (last !== first) assert.equal(first.bindings.length, 3)
      }
    }
  })

  it('splits no sum into parts that are not worth adding up, nor into more than there is room for', () => {
    const splitsOf = (target: Target, m: number, n: number, k: number) =>
      planMatmul(launchOf(m, n, k), target)[0]!.params!.splits!
    assert.equal(splitsOf(software, 16, 32, 255), 1)
    assert.equal(splitsOf(software, 16, 32, 256), 2)
    assert.equal(splitsOf(software, 1024, 1024, 4096), 1)
    assert.equal(splitsOf(hardware, 64, 64, 4096), 32)
    assert.equal(splitsOf(hardware, 4096, 4096, 4096), 1)
    assert.equal(splitsOf(hardware, 1, 64, 1023), 1)
    assert.equal(splitsOf(hardware, 1, 64, 8192), 16)
    const room = splitsOf(hardware, 2048, 1024, 300_000)
    assert.ok(room > 1 && 4 * 2048 * 1024 * room <= 32 * 2 ** 20, `${room}`)
  })

  it('keeps within the limits that every WebGPU device has', () => {
    for (const target of [software, hardware, { ...hardware, subgroupMatrix: { m: 16, n: 16, k: 16, lanes: 32 } }]) {
      for (const size of [1, 8, 31, 64, 500, 4096]) {
        for (const other of [1, 5, 70, 1000]) {
          const launch = { ...launchOf(size, other, 600, 3), precision: 'float16' as const }
          const ended = { ...launch, bias: launch.a, residual: launch.b, relu: true }
          for (const dispatch of [...planMatmul(ended, target), ...planMatmul(launch, target)]) {
            const { source, writes } = kernelOf(dispatch)
            assert.ok(writes.length <= MINIMUM_LIMITS.maxStorageBuffers)
            const sizes = /@workgroup_size\(([^)]*)\)/.exec(source)![1]!.split(',').map(Number)
            assert.ok(sizes.reduce((product, next) => product * next) <= MINIMUM_LIMITS.maxWorkgroupInvocations)
            assert.ok(workgroupBytes(source) <= MINIMUM_LIMITS.maxWorkgroupBytes, `${dispatch.kernel}`)
            assert.ok(dispatch.grid.every(groups => groups <= MINIMUM_LIMITS.maxWorkgroupsPerDimension))
          }
        }
      }
    }
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

/** Bytes of the workgroup memory that a kernel declares. */
function workgroupBytes(source: string): number {
  let bytes = 0
  for (const [, type] of source.matchAll(/var<workgroup> \w+: (.*);/g)) {
    const element = type!.includes('f16') ? 2 : 4
    bytes += [...type!.matchAll(/, (\d+)>/g)].reduce((product, [, count]) => product * Number(count), element)
  }
  return bytes
}
