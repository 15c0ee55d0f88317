import type { Candidate, Dispatch, Target } from '../device/webgpu/plan.js'
import type { Tile } from './matmul.plan.js'

/** What the planners of products and convolutions let be prescribed. */
export interface TileForce {
  readonly kernel?: 'register' | 'workgroup'
  readonly tile?: Tile
  readonly splits?: number
}

/**
 * What a tuner may choose among: the kernel that the planner takes with every other tile that it can have. A sum keeps
 * its chunks, within which every kernel adds one product after the other, so that no bit depends on the choice.
 *
 * @param plan the planner of one launch
 */
export function otherTiles(plan: (force: TileForce) => readonly Dispatch[], { software }: Target): Candidate[] {
  const own = plan({})
  const { kernel, params } = mainOf(own)
  const splits = params?.splits
  const signature = (dispatches: readonly Dispatch[]) =>
    JSON.stringify(dispatches.map(({ kernel, parameters, grid }) => [kernel, parameters, grid]))
  const seen = new Set([signature(own)])
  return tilesOf(kernel, software).flatMap(tile => {
    const other = plan({
      kernel: kernel.endsWith('_workgroup') ? 'workgroup' : 'register',
      tile,
      ...(splits !== undefined && { splits }),
    })
    const alike = mainOf(other).kernel === kernel && sameOrder(mainOf(own), mainOf(other))
    const known = seen.has(signature(other))
    seen.add(signature(other))
    const { rows, columns, x, y } = tile
    return alike && !known ? [{ name: `${kernel} ${rows}x${4 * columns} of ${x}x${y}`, plan: other }] : []
  })
}

/** The product among what goes before it and after it: a copy of the filter, the sum of splits. */
function mainOf(dispatches: readonly Dispatch[]): Dispatch {
  return dispatches.reduce((most, each) => (each.work > most.work ? each : most))
}

function sameOrder({ params: a }: Dispatch, { params: b }: Dispatch): boolean {
  return a?.splits === b?.splits && a?.chunk === b?.chunk
}

function tilesOf(kernel: string, software: boolean): readonly Tile[] {
  switch (kernel) {
    case 'matmul':
      return software ? tilesOfSizes([16, 8], [2, 1], [8, 1]) : tilesOfSizes([8, 4], [2, 1], [8, 8])
    case 'matmul_workgroup':
      return tilesOfSizes([8, 4], [2, 1], [8, 8])
    case 'conv2d_workgroup':
    case 'conv2d_backward_filter_workgroup':
      return tilesOfSizes([8], [2, 1], [8, 16], [8, 8])
    default:
      return []
  }
}

function tilesOfSizes(rows: number[], columns: number[], ...lanes: [x: number, y: number][]): Tile[] {
  return rows.flatMap(r => columns.flatMap(c => lanes.map(([x, y]) => ({ rows: r, columns: c, x, y }))))
}
