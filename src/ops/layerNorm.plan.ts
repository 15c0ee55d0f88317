import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { walksOf } from './batchNorm.plan.js'
import { lanesOf } from './lanes.js'
import { type TeamForce, teamOf } from './team.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * y = gamma · (x − mean) · scale + beta of each row of x [rows, columns], scale = 1 / √(variance + epsilon).
     * `statistics` [rows, 2] is written: the mean relative to the row's first value, and scale.
     */
    layerNorm: {
      x: Slice
      gamma: Slice | null
      beta: Slice | null
      y: Slice
      statistics: Slice
      rows: number
      columns: number
      epsilon: number
    }
    /** The gradients of layerNorm from that of its y; `dgamma` and `dbeta` are there or not together. */
    layerNormGradient: {
      g: Slice
      x: Slice
      gamma: Slice | null
      statistics: Slice
      dx: Slice
      dgamma: Slice | null
      dbeta: Slice | null
      rows: number
      columns: number
    }
  }
}

implement('layerNorm', planLayerNorm)
implement('layerNormGradient', planLayerNormGradient)

export function planLayerNorm(launch: LaunchOf<'layerNorm'>, target: Target, force?: TeamForce): Dispatch[] {
  const { x, gamma, beta, y, statistics, rows, columns, epsilon } = launch
  const { parameters, params, grid } = teamOf(rows, columns, target, force)
  return [
    {
      kernel: 'layer_norm',
      parameters: { ...parameters, GAMMA: Number(gamma !== null), BETA: Number(beta !== null) },
      bindings: [x, y, statistics, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])],
      params: { ...params, epsilon },
      grid,
      work: 3 * rows * columns,
    },
  ]
}

/** dx by rows; dgamma and dbeta by walkers down the columns, whose sums are then added in order, as in a batch norm. */
export function planLayerNormGradient(
  launch: LaunchOf<'layerNormGradient'>,
  target: Target,
  force?: TeamForce,
): Dispatch[] {
  const { g, x, gamma, statistics, dx, dgamma, dbeta, rows, columns } = launch
  const { parameters, params, grid } = teamOf(rows, columns, target, force)
  const ofRows: Dispatch = {
    kernel: 'layer_norm_gradient',
    parameters: { ...parameters, GAMMA: Number(gamma !== null) },
    bindings: [g, x, statistics, dx, ...(gamma ? [gamma] : [])],
    params,
    grid,
    work: 2 * rows * columns,
  }
  if (!dgamma || !dbeta) return [ofRows]
  const { T, width, columns: groups } = lanesOf(columns)
  const walk = walksOf(1, rows, groups, target).sums
  const partial = scratch(0, 8 * walk.walkers * columns)
  return [
    ofRows,
    {
      kernel: 'layer_norm_gradient_sums',
      parameters: { T, WIDTH: width },
      bindings: [g, x, statistics, partial],
      params: walk,
      grid: fold(tiles(walk.walkers * groups, 64), target.limits),
      work: 2 * rows * columns,
    },
    {
      kernel: 'batch_norm_gradient_combine',
      parameters: { T, SPLIT: 0 },
      bindings: [partial, dbeta, dgamma],
      params: { columns: groups, walkers: walk.walkers, splits: 1 },
      grid: fold(tiles(groups, 64), target.limits),
      work: walk.walkers * columns,
    },
  ]
}
