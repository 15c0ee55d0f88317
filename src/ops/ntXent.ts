import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { show } from '../tensor/shape.js'
import { onceDifferentiable, willRecord } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { mul } from './elementwise.js'
import './ntXent.plan.js'
import { reduceAxes } from './reduce.launch.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * Each row's share of the mean NT-Xent loss of z [rows, columns], its log Σ_{j ≠ i} exp(z_i · z_j · scale), and with
     * `dz` the gradient of the mean.
     */
    ntXent: {
      z: Slice
      logSum: Slice
      loss: Slice
      dz: Slice | null
      rows: number
      columns: number
      scale: number
    }
  }
}

/**
 * The normalised temperature-scaled cross-entropy of Chen et al., 2020 (https://arxiv.org/abs/2002.05709, equation 1):
 * the mean over the 2B rows of −log softmax, over the 2B − 1 others, of the similarity to the other view of the same
 * image. Similarities are made tile by tile and never stored: memory grows with B, not with B².
 *
 * @param z float32 [2B, D], rows of length 1 (`l2normalize`): those of view a, then those of view b in the same order
 * @param temperature positive
 * @returns a scalar; its gradient is of first order
 * @throws ShapeError, DtypeError, ConfigError
 */
export function ntXent(z: Tensor, temperature: number): Tensor {
  wantDtype('ntXent', 'float32', z)
  const [rows, columns] = z.shape as [number, number]
  if (z.rank !== 2 || rows % 2 !== 0) {
    throw new ShapeError(
      `ntXent: wants z [2B,D], the rows of one view and then those of the other, got ${show(z.shape)}`,
    )
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`ntXent: wants a temperature above 0, got ${temperature}`)
  }
  const logSum = empty([rows], 'float32', z.device)
  const loss = empty([rows], 'float32', z.device)
  // Made along with the value: a small batch has its similarities at hand then.
  const dz = willRecord([z]) ? empty(z.shape, 'float32', z.device) : null
  z.device.launch({
    op: 'ntXent',
    z: z.slice,
    logSum: logSum.slice,
    loss: loss.slice,
    dz: dz?.slice ?? null,
    rows,
    columns,
    scale: 1 / temperature,
  })
  const mean = reduceAxes(loss, 0, 1, 'sum')
  logSum.dispose()
  loss.dispose()
  return onceDifferentiable('ntXent', mean, [z], g => [mul(dz!, g)])
}
