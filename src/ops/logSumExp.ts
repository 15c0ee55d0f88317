import { ShapeError } from '../device/errors.js'
import { stopGradient } from '../tensor/tape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'
import { add, exp, log, sub } from './elementwise.js'
import { max } from './reduce.js'
import { reshape } from './shape.js'
import { sum } from './sum.js'

/**
 * log Σ exp(x) over the last axis of x [..., C], with the maximum taken off first. Made of ops, so of any order.
 * @throws ShapeError for a scalar, DtypeError
 */
export function logSumExp(x: Tensor): Tensor {
  wantDtype('logSumExp', 'float32', x)
  if (x.rank === 0) throw new ShapeError('logSumExp: wants x [..., C], got a scalar')
  const largest = max(stopGradient(x), -1, { keepDims: true })
  const rest = log(sum(exp(sub(x, largest)), -1))
  return add(rest, reshape(largest, rest.shape))
}
