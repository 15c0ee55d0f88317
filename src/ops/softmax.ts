import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import type { LaunchOf } from '../device/launch.js'
import { type Dispatch, fold, implement, type Target, tiles } from '../device/webgpu/plan.js'
import { show } from '../tensor/shape.js'
import { differentiable, noGrad, onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { cast } from './cast.js'
import { div, equal, exp, greater, maximum, mul, sub } from './elementwise.js'
import { argmax } from './reduce.js'
import { reduceAxes } from './reduce.launch.js'
import { sum } from './sum.js'
import { type TeamForce, teamOf } from './team.js'

declare module '../device/launch.js' {
  interface Launches {
    /** Softmax of each row of x [rows, columns], or with `log` its logarithm. */
    softmax: { x: Slice; y: Slice; rows: number; columns: number; log: boolean }
    /** Each row's share of the mean cross-entropy, and its log Σ exp. */
    crossEntropy: {
      x: Slice
      labels: Slice
      loss: Slice
      logSum: Slice
      rows: number
      columns: number
      smoothing: number
    }
    /** The gradient of crossEntropy's x; g is the gradient of the mean. */
    crossEntropyGradient: {
      x: Slice
      labels: Slice
      logSum: Slice
      g: Slice
      dx: Slice
      rows: number
      columns: number
      smoothing: number
    }
  }
}

implement('softmax', planSoftmax)

export function planSoftmax(launch: LaunchOf<'softmax'>, target: Target, force?: TeamForce): Dispatch[] {
  const { x, y, rows, columns, log } = launch
  const team = teamOf(rows, columns, target, force)
  const parameters = { ...team.parameters, LOG: Number(log) }
  return [{ ...team, kernel: 'softmax', parameters, bindings: [x, y], work: 3 * rows * columns }]
}

implement('crossEntropy', ({ x, labels, loss, logSum, rows, columns, smoothing }, { limits }) => [
  {
    kernel: 'cross_entropy',
    bindings: [x, labels, loss, logSum],
    params: { rows, columns, smoothing },
    grid: fold(tiles(rows, 64), limits),
    work: rows * columns,
  },
])

implement('crossEntropyGradient', ({ x, labels, logSum, g, dx, rows, columns, smoothing }, { limits }) => [
  {
    kernel: 'cross_entropy_gradient',
    bindings: [x, labels, logSum, g, dx],
    params: { rows, columns, smoothing },
    grid: fold(tiles(rows * columns, 256), limits),
    work: rows * columns,
  },
])

/** exp(x) / Σ exp(x) over the last axis. @throws ShapeError, DtypeError */
export function softmax(x: Tensor): Tensor {
  const y = run('softmax', x, false)
  return differentiable(y, [x], g => {
    const weighted = mul(g, y)
    return [sub(weighted, mul(y, sum(weighted, -1, { keepDims: true })))]
  })
}

/** x − log Σ exp(x) over the last axis. @throws ShapeError, DtypeError */
export function logSoftmax(x: Tensor): Tensor {
  const y = run('logSoftmax', x, true)
  return differentiable(y, [x], g => [sub(g, mul(exp(y), sum(g, -1, { keepDims: true })))])
}

function run(name: string, x: Tensor, log: boolean): Tensor {
  wantDtype(name, 'float32', x)
  const columns = x.shape.at(-1)
  if (columns === undefined) throw new ShapeError(`${name}: wants x [..., C], got a scalar`)
  const y = empty(x.shape, 'float32', x.device)
  x.device.launch({ op: 'softmax', x: x.slice, y: y.slice, rows: x.size / columns, columns, log })
  return y
}

export interface CrossEntropyOptions {
  /** s of the target. @default 0 */
  readonly labelSmoothing?: number
  /**
   * What the sum over rows is divided by where some have no label: the number of all rows (as Mean Teacher's PyTorch
   * code does, so that a batch weighs as much as it has labels), or of the labelled ones. @default 'rows'
   */
  readonly meanOver?: 'rows' | 'labelled'
}

/**
 * The mean over rows of −Σ target · log softmax(logits), where the target is 1 − s at the row's label plus s / C
 * everywhere, s = labelSmoothing (Szegedy et al., 2016). A row with a negative label adds nothing and has no gradient;
 * where all are such, the loss is 0. The gradient is of first order.
 *
 * @param logits [N, C]
 * @param labels int32 [N], each negative or from 0 to C − 1; the device does not check them
 * @throws ShapeError, DtypeError, ConfigError for a smoothing outside [0, 1]
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing: smoothing = 0, meanOver = 'rows' } = options
  wantRows('crossEntropy', logits, labels)
  const [rows, columns] = logits.shape as [number, number]
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new ConfigError(`crossEntropy: wants a labelSmoothing from 0 to 1, got ${smoothing}`)
  }
  const { device } = logits
  const loss = empty([rows], 'float32', device)
  const logSum = empty([rows], 'float32', device)
  const sizes = { rows, columns, smoothing }
  const operands = { x: logits.slice, labels: labels.slice, logSum: logSum.slice }
  device.launch({ op: 'crossEntropy', ...operands, loss: loss.slice, ...sizes })
  const mean = reduceAxes(loss, 0, 1, 'sum')
  loss.dispose()
  const overRows = onceDifferentiable('crossEntropy', mean, [logits, labels], g => {
    const dx = empty(logits.shape, 'float32', device)
    const operands = { x: logits.slice, labels: labels.slice, logSum: logSum.slice, g: g.slice, dx: dx.slice }
    device.launch({ op: 'crossEntropyGradient', ...operands, ...sizes })
    return [dx, null]
  })
  return meanOver === 'rows' ? overRows : mul(overRows, div(rows, labelledCount(labels)))
}

/**
 * The share of rows whose largest logit is that of their label, of the rows whose label is not negative; 0 where there
 * is none. A float32 scalar on the device, without a gradient.
 *
 * @param logits [N, C]
 * @param labels int32 [N]
 * @throws ShapeError, DtypeError
 */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  wantRows('accuracy', logits, labels)
  return noGrad(() => {
    const hits = equal(cast(argmax(logits, 1), 'float32'), cast(labels, 'float32'))
    return div(sum(hits), labelledCount(labels))
  })
}

/** How many labels are not negative; 1 where none is, to divide by. */
function labelledCount(labels: Tensor): Tensor {
  return maximum(sum(greater(cast(labels, 'float32'), -1)), 1)
}

function wantRows(name: string, logits: Tensor, labels: Tensor): void {
  wantDtype(name, 'float32', logits)
  wantDtype(name, 'int32', labels)
  if (logits.rank === 2 && labels.rank === 1 && labels.size === logits.shape[0]) return
  throw new ShapeError(
    `${name}: wants logits [N,C] and labels [N], got ${show(logits.shape)} and ${show(labels.shape)}`,
  )
}
