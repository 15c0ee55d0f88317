import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { currentPrecision } from '../tensor/context.js'
import { sameShape, show } from '../tensor/shape.js'
import { willRecord } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { type BatchNormOptions, batchNorm } from './batchNorm.js'
import { type Conv2dOptions, conv2d, convolutionSizes, outShape } from './conv2d.js'
import { type ConvolutionSizes, planConv2d } from './conv2d.plan.js'
import type { ConvolutionForce } from './convolutionTile.plan.js'
import { lanesOf } from './lanes.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * out = relu?((y − mean) · gamma / √(variance + epsilon) + beta + residual) with y = conv2d(x, filter) and running
     * statistics. `coefficients` [4, filters] is written, as by batchNorm.
     */
    conv2dBatchNorm: {
      x: Slice
      filter: Slice
      residual: Slice | null
      gamma: Slice | null
      beta: Slice | null
      runningMean: Slice
      runningVariance: Slice
      coefficients: Slice
      out: Slice
      relu: boolean
      epsilon: number
      precision?: Precision
    } & ConvolutionSizes
  }
}

implement('conv2dBatchNorm', planConv2dBatchNorm)

/** The norm of a convolution that is done with learning: by running statistics, as `batchNorm` has them. */
export type InferenceNorm = Omit<BatchNormOptions, 'mode' | 'momentum' | 'splits'>

/**
 * batchNorm(conv2d(x, filter), mode inference): [N, outHeight, outWidth, O]. Where no gradient is recorded, the norm is
 * done as the convolution's sums are stored, and what lies between the two is never in memory.
 *
 * @throws ShapeError, DtypeError
 */
export function conv2dBatchNorm(x: Tensor, filter: Tensor, options: Conv2dOptions, norm: InferenceNorm): Tensor {
  const { gamma, beta, residual, runningMean, runningVariance, relu = false, epsilon = 1e-5 } = norm
  const inputs = [x, filter, gamma, beta, residual].filter(input => input !== undefined)
  if (willRecord(inputs)) return batchNorm(conv2d(x, filter, options), { ...norm, mode: 'inference' })
  wantDtype('conv2dBatchNorm', 'float32', ...inputs, runningMean, runningVariance)
  const sizes = convolutionSizes('conv2dBatchNorm', x.shape, filter.shape, options)
  const shape = outShape(sizes)
  for (const [name, vector] of Object.entries({ gamma, beta, runningMean, runningVariance })) {
    if (vector && !sameShape(vector.shape, [sizes.filters])) {
      throw new ShapeError(
        `conv2dBatchNorm: filter ${show(filter.shape)} wants ${name} [${sizes.filters}], got ${show(vector.shape)}`,
      )
    }
  }
  if (residual && !sameShape(residual.shape, shape)) {
    throw new ShapeError(`conv2dBatchNorm: wants a residual ${show(shape)}, got ${show(residual.shape)}`)
  }
  const out = empty(shape, 'float32', x.device)
  x.device.launch({
    op: 'conv2dBatchNorm',
    x: x.slice,
    filter: filter.slice,
    residual: residual?.slice ?? null,
    gamma: gamma?.slice ?? null,
    beta: beta?.slice ?? null,
    runningMean: runningMean.slice,
    runningVariance: runningVariance.slice,
    coefficients: empty([4, sizes.filters], 'float32', x.device).slice,
    out: out.slice,
    relu,
    epsilon,
    precision: options.precision ?? currentPrecision(),
    ...sizes,
  })
  return out
}

/** The channels' coefficients first, which take no time, then the convolution. */
export function planConv2dBatchNorm(
  launch: LaunchOf<'conv2dBatchNorm'>,
  target: Target,
  force: ConvolutionForce = {},
): Dispatch[] {
  const { gamma, beta, runningMean, runningVariance, coefficients, epsilon, filters } = launch
  const { T, columns } = lanesOf(filters)
  const make: Dispatch = {
    kernel: 'batch_norm_coefficients',
    parameters: {
      T,
      BATCH: 0,
      GAMMA: Number(gamma !== null),
      BETA: Number(beta !== null),
      AT_GAMMA: 3,
      AT_BETA: gamma ? 4 : 3,
    },
    bindings: [coefficients, runningMean, runningVariance, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])],
    params: { splits: 1, rows: 1, columns, bundle: 1, chunk: 1, walkers: 1, momentum: 0, epsilon },
    grid: fold(tiles(columns, 64), target.limits),
    work: filters,
  }
  return [make, ...planConv2d(launch, target, force, launch)]
}
