import assert from 'node:assert/strict'
import type { Dispatch, Target } from '../../src/device/webgpu/plan.js'
import { otherTiles, type TileForce } from '../../src/ops/otherTiles.js'

const target = { limits: {}, features: new Set(), software: false } as unknown as Target

/** A planner whose chunk depends on the tile, as one does that counts workgroups. */
function planner(kernel: 'conv2d_workgroup' | 'matmul' | 'fill', seen: TileForce[] = []) {
  return (force: TileForce): Dispatch[] => {
    seen.push(force)
    const { rows, columns, x, y } = force.tile ?? { rows: 8, columns: 1, x: 8, y: 8 }
    const splits = force.splits ?? 3
    return [
      {
        kernel,
        parameters: { R: rows, C: columns, Y: y },
        bindings: [],
        params: { splits, chunk: columns === 2 && y === 16 ? 7 : 64 },
        grid: [x, 1, 1],
        work: 1,
      },
    ]
  }
}

describe('other tiles', () => {
  it('are those of the same kernel with the same splits and chunks, without the planner’s own', () => {
    const seen: TileForce[] = []
    const candidates = otherTiles(planner('conv2d_workgroup', seen), target)
    assert.deepEqual(
      candidates.map(({ name }) => name),
      ['conv2d_workgroup 8x8 of 8x8', 'conv2d_workgroup 8x4 of 8x16'],
    )
    for (const { kernel, splits } of seen.slice(1)) assert.deepEqual([kernel, splits], ['workgroup', 3])
  })

  it('are those of the product, also behind a copy of an operand', () => {
    const product = planner('conv2d_workgroup')
    const copy = { kernel: 'copy', bindings: [], grid: [1, 1, 1], work: 0 } as const
    const names = otherTiles(force => [copy, ...product(force)], target).map(({ name }) => name)
    assert.deepEqual(
      names,
      otherTiles(product, target).map(({ name }) => name),
    )
  })

  it('are fewer invocations on a software adapter, and none for a kernel without tiles', () => {
    const names = otherTiles(planner('matmul'), { ...target, software: true }).map(({ name }) => name)
    assert.deepEqual(names, ['matmul 16x8 of 8x1', 'matmul 16x4 of 8x1', 'matmul 8x8 of 8x1', 'matmul 8x4 of 8x1'])
    assert.deepEqual(otherTiles(planner('fill'), target), [])
  })
})
