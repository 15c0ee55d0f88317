import assert from 'node:assert/strict'
import type { Slice } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import { stream, type Target } from '../../src/device/webgpu/plan.js'
import { planElementwise } from '../../src/ops/elementwise.launch.js'
import { planCopy } from '../../src/ops/shape.launch.js'
import { sizeOf, stridesOf } from '../../src/tensor/shape.js'

const software: Target = { limits: MINIMUM_LIMITS, features: new Set(), software: true }
const hardware: Target = { ...software, software: false }

const slice = (elements: number): Slice => ({
  buffer: { id: 0, bytes: 4 * elements },
  offset: 0,
  bytes: 4 * elements,
})

describe('stream', () => {
  for (const [name, target] of Object.entries({ software, hardware })) {
    it(`covers every element, within the limits, on a ${name} adapter`, () => {
      for (const count of [1, 7, 4095, 4096, 1_000_003, 2 ** 28]) {
        const { parameters, params, grid } = stream(count, target)
        const workgroups = grid[0] * grid[1] * grid[2]
        const stretch = parameters.WORKGROUP * params.each
        assert.ok(workgroups * stretch >= count)
        assert.ok(grid.every(size => size <= MINIMUM_LIMITS.maxWorkgroupsPerDimension))
        // One folded row more than is needed, at most.
        assert.ok((workgroups - grid[1]) * stretch < count, `${workgroups} workgroups for ${count}`)
      }
    })
  }

  it('leaves work for many cores on a software adapter, unless there is little of it', () => {
    assert.equal(stream(2 ** 20, software).grid[0], 512)
    assert.equal(stream(2 ** 16, software).grid[0], 256)
    assert.equal(stream(128, software).grid[0], 1)
  })
})

/** a + b over `shape`, b with strides of its own. */
function sum(shape: readonly number[], strides: readonly number[]): LaunchOf<'elementwise'> {
  const whole = slice(sizeOf(shape))
  return {
    op: 'elementwise',
    row: 'add',
    out: whole,
    outType: 'float32',
    operands: [whole, slice(64)],
    types: ['float32', 'float32'],
    shape,
    strides: [stridesOf(shape), strides],
  }
}

describe('planElementwise', () => {
  it('goes four elements at a time where every operand walks or stands still along the last axis', () => {
    const stretched = planElementwise(sum([6, 8], [1, 0]), software)[0]!
    assert.deepEqual([stretched.parameters!.WIDTH, stretched.parameters!.STORED_B], [4, 'f32'])
    const { count, size_1, a_0, a_1, b_0, b_1 } = stretched.params!
    assert.deepEqual({ count, size_1, a_0, a_1, b_0, b_1 }, { count: 12, size_1: 2, a_0: 2, a_1: 1, b_0: 1, b_1: 0 })

    const walking = planElementwise(sum([6, 8], [0, 1]), software)[0]!
    assert.deepEqual([walking.parameters!.STORED_B, walking.params!.b_0, walking.params!.b_1], ['vec4<f32>', 0, 1])
  })

  it('needs no axes where all operands have one shape', () => {
    const { parameters, params } = planElementwise(sum([6, 2], [2, 1]), hardware)[0]!
    assert.deepEqual([parameters!.RANK, parameters!.WIDTH, params!.count], [0, 4, 3])
  })

  it('goes one at a time over rows that are no multiple of four, or operands that skip', () => {
    assert.equal(planElementwise(sum([8, 6], [1, 0]), software)[0]!.parameters!.WIDTH, 1)
    assert.equal(planElementwise(sum([6, 8], [0, 2]), software)[0]!.parameters!.WIDTH, 1)
    assert.equal(planElementwise(sum([6, 8], [9, 1]), software)[0]!.parameters!.WIDTH, 1)
  })
})

describe('planCopy', () => {
  const copyOf = (columns: number, sourceAt: number) =>
    planCopy(
      {
        source: slice(1024),
        out: slice(1024),
        shape: [5, columns],
        sourceAt,
        sourceStrides: [32, 1],
        outAt: 8,
        outStrides: [16, 1],
      },
      software,
    )[0]!

  it('goes four words at a time where everything comes in fours', () => {
    const { parameters, params } = copyOf(12, 4)
    assert.equal(parameters!.T, 'vec4<u32>')
    assert.deepEqual(
      [params!.count, params!.source_at, params!.out_at, params!.source_0, params!.out_0],
      [15, 1, 2, 8, 4],
    )
  })

  it('goes one at a time where a row begins elsewhere, or ends', () => {
    assert.equal(copyOf(12, 2).parameters!.T, 'u32')
    assert.equal(copyOf(10, 4).parameters!.T, 'u32')
  })
})
