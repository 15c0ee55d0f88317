import { ShapeError } from '../device/errors.js'
import { sameShape, show } from '../tensor/shape.js'
import { onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import './layerNorm.plan.js'

export interface LayerNormOptions {
  /** The factor [D]; 1 where it is not given. */
  readonly gamma?: Tensor
  /** The offset [D]; 0 where it is not given. */
  readonly beta?: Tensor
  readonly epsilon?: number
}

/**
 * gamma · (x − mean) / √(variance + epsilon) + beta, statistics over the last axis of x [..., D] (Ba, Kiros & Hinton,
 * 2016, https://arxiv.org/abs/1607.06450). The gradients are of first order.
 *
 * @throws ShapeError, DtypeError
 */
export function layerNorm(x: Tensor, { gamma, beta, epsilon = 1e-5 }: LayerNormOptions = {}): Tensor {
  wantDtype('layerNorm', 'float32', x)
  const columns = x.shape.at(-1)
  if (columns === undefined) throw new ShapeError('layerNorm: wants x [..., D], got a scalar')
  const vectors = Object.entries({ gamma, beta }).filter((entry): entry is [string, Tensor] => entry[1] !== undefined)
  for (const [name, vector] of vectors) {
    wantDtype('layerNorm', 'float32', vector)
    if (!sameShape(vector.shape, [columns])) {
      throw new ShapeError(`layerNorm: x ${show(x.shape)} wants ${name} [${columns}], got ${show(vector.shape)}`)
    }
  }
  const { device } = x
  const sizes = { rows: x.size / columns, columns }
  const y = empty(x.shape, 'float32', device)
  const statistics = empty([sizes.rows, 2], 'float32', device)
  const both = { x: x.slice, gamma: gamma?.slice ?? null, statistics: statistics.slice, ...sizes }
  device.launch({ op: 'layerNorm', ...both, beta: beta?.slice ?? null, y: y.slice, epsilon })
  return onceDifferentiable('layerNorm', y, [x, ...vectors.map(([, vector]) => vector)], (g, needed) => {
    const dx = empty(x.shape, 'float32', device)
    const ofVectors = needed.slice(1).some(Boolean)
      ? { gamma: empty([columns], 'float32', device), beta: empty([columns], 'float32', device) }
      : undefined
    const sums = { dgamma: ofVectors?.gamma.slice ?? null, dbeta: ofVectors?.beta.slice ?? null }
    device.launch({ op: 'layerNormGradient', ...both, g: g.slice, dx: dx.slice, ...sums })
    return [dx, ...vectors.map(([name]) => ofVectors?.[name as 'gamma' | 'beta'] ?? null)]
  })
}
