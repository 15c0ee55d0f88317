import type { Slice } from '../device/device.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { lanesOf } from './lanes.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * y = relu?((x − mean) · gamma / √(variance + epsilon) + beta + residual), x [splits, rows, channels]. With `batch`
     * the statistics are those of each split of x, and running ones, where given, are updated with their mean;
     * otherwise the running ones are used. `coefficients` [splits, 4, channels] is written: mean,
     * 1/√(variance + epsilon), that times gamma, beta.
     */
    batchNorm: {
      x: Slice
      residual: Slice | null
      gamma: Slice | null
      beta: Slice | null
      runningMean: Slice | null
      runningVariance: Slice | null
      coefficients: Slice
      y: Slice
      splits: number
      rows: number
      channels: number
      batch: boolean
      relu: boolean
      momentum: number
      epsilon: number
    }
    /**
     * The gradients of batchNorm from g, that of its output; y (its output) where it ended in ReLU. `masked` is g where
     * y > 0: the gradient of the residual. Where there was no residual, y can be made again from x.
     */
    batchNormGradient: {
      g: Slice
      x: Slice
      y: Slice | null
      coefficients: Slice
      masked: Slice | null
      dx: Slice | null
      dgamma: Slice
      dbeta: Slice
      splits: number
      rows: number
      channels: number
      batch: boolean
      residual: boolean
    }
  }
}

implement('batchNorm', planBatchNorm)
implement('batchNormGradient', planBatchNormGradient)

/** How many invocations are enough, and how many walkers at most leave partial sums for one invocation to combine. */
const INVOCATIONS = { software: 2048, hardware: 65_536 }
const MOST_PARTIALS = { software: 256, hardware: 1024 }

/** Neighbouring invocations read this many neighbouring elements at least. */
const NEIGHBOURS = 32

/** Rows dealt to walkers (kernels/lib/walk.wgsl): of at least `rowsEach` rows, unless there are fewer. */
function walkOf(rows: number, columns: number, rowsEach: number, most: number) {
  const bundle = Math.max(1, Math.min(Math.floor(NEIGHBOURS / columns), tiles(rows, rowsEach), most))
  const bundles = Math.max(1, Math.min(Math.floor(most / bundle), tiles(rows, rowsEach * bundle)))
  const chunk = tiles(tiles(rows, bundles), bundle) * bundle
  return { rows, columns, bundle, chunk, walkers: tiles(rows, chunk) * bundle }
}

/** Of one split; one invocation combines the partial sums of all splits. */
export function walksOf(splits: number, rows: number, columns: number, { software }: Target) {
  const kind = software ? 'software' : 'hardware'
  const most = Math.max(1, Math.floor(Math.min(MOST_PARTIALS[kind], tiles(INVOCATIONS[kind], columns)) / splits))
  return { sums: walkOf(rows, columns, 16, most), elements: walkOf(rows, columns, 16, Number.POSITIVE_INFINITY) }
}

/** An invocation for each walker, column and split. */
function gridOf(walkers: number, columns: number, splits: number, { limits }: Target): [number, number, number] {
  const [x, y] = fold(tiles(walkers * columns, 64), limits)
  return [x, y, splits]
}

export function planBatchNorm(launch: LaunchOf<'batchNorm'>, target: Target): Dispatch[] {
  const { x, residual, gamma, beta, runningMean, runningVariance, coefficients, y } = launch
  const { splits, rows, channels, batch, relu } = launch
  const { T, columns } = lanesOf(channels)
  const walks = walksOf(splits, rows, columns, target)
  const partial = scratch(0, 8 * splits * walks.sums.walkers * channels)
  const running = runningMean && runningVariance ? [runningMean, runningVariance] : []
  const first = [coefficients, ...(batch ? [partial] : []), ...running]
  const atBeta = first.length + (gamma ? 1 : 0)
  const dispatches: Dispatch[] = [
    {
      kernel: 'batch_norm_coefficients',
      parameters: {
        T,
        BATCH: +batch,
        UPDATE: +(running.length > 0),
        GAMMA: +(gamma !== null),
        BETA: +(beta !== null),
        AT_GAMMA: first.length,
        AT_BETA: atBeta,
      },
      bindings: [...first, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])],
      params: { ...walks.sums, splits, momentum: launch.momentum, epsilon: launch.epsilon },
      grid: fold(tiles(columns, 64), target.limits),
      work: batch ? 2 * splits * walks.sums.walkers * channels : channels,
    },
    {
      kernel: 'batch_norm',
      parameters: { T, RELU: +relu, RESIDUAL: +(residual !== null) },
      bindings: [x, coefficients, y, ...(residual ? [residual] : [])],
      params: walks.elements,
      grid: gridOf(walks.elements.walkers, columns, splits, target),
      work: splits * rows * channels,
    },
  ]
  if (!batch) return dispatches
  const statistics: Dispatch = {
    kernel: 'batch_norm_statistics',
    parameters: { T },
    bindings: [x, partial],
    params: walks.sums,
    grid: gridOf(walks.sums.walkers, columns, splits, target),
    work: splits * rows * channels,
  }
  return [statistics, ...dispatches]
}

export function planBatchNormGradient(launch: LaunchOf<'batchNormGradient'>, target: Target): Dispatch[] {
  const { g, x, y, coefficients, masked, dx, dgamma, dbeta, splits, rows, channels, batch } = launch
  const { T, columns } = lanesOf(channels)
  const walks = walksOf(splits, rows, columns, target)
  const partial = scratch(0, 8 * splits * walks.sums.walkers * channels)
  // A single split's sums are the gradients of beta and gamma themselves.
  const sums = splits === 1 ? [] : [scratch(1, 4 * splits * channels), scratch(2, 4 * splits * channels)]
  const dispatches: Dispatch[] = [
    {
      kernel: 'batch_norm_gradient_sums',
      parameters: { T, RELU: +(y !== null), MASKED: +(masked !== null) },
      bindings: [g, x, coefficients, partial, ...(y ? [y] : []), ...(masked ? [masked] : [])],
      params: walks.sums,
      grid: gridOf(walks.sums.walkers, columns, splits, target),
      work: splits * rows * channels,
    },
    {
      kernel: 'batch_norm_gradient_combine',
      parameters: { T, SPLIT: +(splits > 1) },
      bindings: [partial, dbeta, dgamma, ...sums],
      params: { columns, walkers: walks.sums.walkers, splits },
      grid: fold(tiles(columns, 64), target.limits),
      work: splits * walks.sums.walkers * channels,
    },
  ]
  if (!dx) return dispatches
  // Once the masked gradient is written, y need not be read again.
  const mask = masked === null && y !== null ? [y] : []
  dispatches.push({
    kernel: 'batch_norm_gradient',
    parameters: { T, BATCH: +batch, RELU: mask.length },
    bindings: [masked ?? g, x, coefficients, ...(splits === 1 ? [dbeta, dgamma] : sums), dx, ...mask],
    params: walks.elements,
    grid: gridOf(walks.elements.walkers, columns, splits, target),
    work: splits * rows * channels,
  })
  return dispatches
}
