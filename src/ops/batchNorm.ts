import { ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { isRecomputing, onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import './batchNorm.plan.js'

export interface BatchNormOptions {
  /** The factor per channel [C]; 1 where it is not given. */
  readonly gamma?: Tensor
  /** The offset per channel [C]; 0 where it is not given. */
  readonly beta?: Tensor
  /** [C], updated in place by mode `update`. */
  readonly runningMean: Tensor
  /** [C], of the unbiased variance; updated in place by mode `update`. */
  readonly runningVariance: Tensor
  /** `update`: the batch's statistics, counted into the running ones; `frozen`: the batch's; `inference`: the running ones. */
  readonly mode: 'update' | 'frozen' | 'inference'
  /** running = (1 − momentum) · running + momentum · batch. */
  readonly momentum?: number
  readonly epsilon?: number
  /**
   * Cuts the batch, the first axis, into so many equal runs of neighbours, each normalised with its own statistics
   * ("ghost batch norm", Hoffer et al., 2017, https://arxiv.org/abs/1705.08741): what so many devices without
   * synchronisation would do. The running statistics move once, by the mean of those of the runs, as in MoCo's
   * SplitBatchNorm, whose runs are interleaved (image n is in run n mod splits). @default 1
   */
  readonly splits?: number
  /** Whether ReLU comes last. */
  readonly relu?: boolean
  /** Added before ReLU; the shape of x. */
  readonly residual?: Tensor
}

/**
 * y = relu?(gamma · (x − mean) / √(variance + epsilon) + beta + residual), statistics per channel over all other axes
 * of x [..., C] (Ioffe & Szegedy, 2015, https://arxiv.org/abs/1502.03167). While a checkpoint is recomputed, `update`
 * counts nothing. Gradients of x, gamma, beta and residual, of first order.
 *
 * @throws ShapeError, also where `update` meets a single value a channel, which has no unbiased variance, or where the
 * splits do not divide the batch; DtypeError
 */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const { gamma, beta, residual, mode, momentum = 0.1, epsilon = 1e-5, relu = false } = options
  check(x, options)
  const channels = x.shape.at(-1)!
  const batch = mode !== 'inference'
  const splits = batch ? (options.splits ?? 1) : 1
  const rows = x.size / channels / splits
  if (mode === 'update' && rows === 1) {
    throw new ShapeError(`batchNorm: mode update wants more than one value a channel, got ${showSplit(x, splits)}`)
  }
  const running = mode === 'inference' || (mode === 'update' && !isRecomputing())
  const y = empty(x.shape, 'float32', x.device)
  const coefficients = empty([splits, 4, channels], 'float32', x.device)
  x.device.launch({
    op: 'batchNorm',
    x: x.slice,
    residual: residual?.slice ?? null,
    gamma: gamma?.slice ?? null,
    beta: beta?.slice ?? null,
    runningMean: running ? options.runningMean.slice : null,
    runningVariance: running ? options.runningVariance.slice : null,
    coefficients: coefficients.slice,
    y: y.slice,
    splits,
    rows,
    channels,
    batch,
    relu,
    momentum,
    epsilon,
  })
  const inputs = [x, gamma, beta, residual]
  const present = inputs.filter(input => input !== undefined)
  return onceDifferentiable('batchNorm', y, present, (g, needed) => {
    const wants = (input: Tensor | undefined) => input !== undefined && needed[present.indexOf(input)]
    const dx = wants(x) ? empty(x.shape, 'float32', x.device) : null
    const masked = relu && wants(residual) ? empty(x.shape, 'float32', x.device) : null
    const dgamma = empty([channels], 'float32', x.device)
    const dbeta = empty([channels], 'float32', x.device)
    x.device.launch({
      op: 'batchNormGradient',
      g: g.slice,
      x: x.slice,
      y: relu ? y.slice : null,
      coefficients: coefficients.slice,
      masked: masked?.slice ?? null,
      dx: dx?.slice ?? null,
      dgamma: dgamma.slice,
      dbeta: dbeta.slice,
      splits,
      rows,
      channels,
      batch,
      residual: residual !== undefined,
    })
    const gradients = [dx, dgamma, dbeta, relu ? masked : g]
    return gradients.filter((_, i) => inputs[i] !== undefined)
  })
}

function showSplit(x: Tensor, splits: number): string {
  return `x ${show(x.shape)}${splits === 1 ? '' : ` in ${splits} splits`}`
}

function check(x: Tensor, options: BatchNormOptions): void {
  const { gamma, beta, runningMean, runningVariance, residual, splits = 1 } = options
  const vectors = { gamma, beta, runningMean, runningVariance }
  wantDtype('batchNorm', 'float32', x, ...[...Object.values(vectors), residual].filter(tensor => tensor !== undefined))
  const channels = x.shape.at(-1)
  if (channels === undefined) throw new ShapeError('batchNorm: wants x [..., C], got a scalar')
  for (const [name, vector] of Object.entries(vectors)) {
    if (vector && !sameShape(vector.shape, [channels])) {
      throw new ShapeError(`batchNorm: x ${show(x.shape)} wants ${name} [${channels}], got ${show(vector.shape)}`)
    }
  }
  if (residual && !sameShape(residual.shape, x.shape)) {
    throw new ShapeError(`batchNorm: wants a residual of x's shape ${show(x.shape)}, got ${show(residual.shape)}`)
  }
  if (!Number.isInteger(splits) || splits < 1) throw new ShapeError(`batchNorm: wants splits from 1, got ${splits}`)
  if (options.mode !== 'inference' && splits > 1 && (x.rank < 2 || x.shape[0]! % splits !== 0)) {
    throw new ShapeError(`batchNorm: wants splits that divide the first axis, got ${showSplit(x, splits)}`)
  }
}
