import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { sameShape, show } from '../tensor/shape.js'
import { onceDifferentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { add, mul } from './elementwise.js'

declare module '../device/launch.js' {
  interface Launches {
    /** y = (x − mean) · scale, scale [rows] = 1 / √(variance + epsilon), of each row of x [rows, columns]. */
    normaliseRows: { x: Slice; y: Slice; scale: Slice; rows: number; columns: number; epsilon: number }
    /** The gradient of normaliseRows' x from that of its y. */
    normaliseRowsGradient: { g: Slice; y: Slice; scale: Slice; dx: Slice; rows: number; columns: number }
  }
}

implement('normaliseRows', ({ x, y, scale, rows, columns, epsilon }, { limits }) => [
  {
    kernel: 'normalise_rows',
    bindings: [x, y, scale],
    params: { rows, columns, epsilon },
    grid: fold(tiles(rows, 64), limits),
    work: 3 * rows * columns,
  },
])

implement('normaliseRowsGradient', ({ g, y, scale, dx, rows, columns }, { limits }) => [
  {
    kernel: 'normalise_rows_gradient',
    bindings: [g, y, scale, dx],
    params: { rows, columns },
    grid: fold(tiles(rows, 64), limits),
    work: 2 * rows * columns,
  },
])

export interface LayerNormOptions {
  /** The factor [D]; 1 where it is not given. */
  readonly gamma?: Tensor
  /** The offset [D]; 0 where it is not given. */
  readonly beta?: Tensor
  readonly epsilon?: number
}

/**
 * gamma · (x − mean) / √(variance + epsilon) + beta, statistics over the last axis of x [..., D] (Ba, Kiros & Hinton,
 * 2016, https://arxiv.org/abs/1607.06450). The gradient of x is of first order.
 *
 * @throws ShapeError, DtypeError
 */
export function layerNorm(x: Tensor, { gamma, beta, epsilon = 1e-5 }: LayerNormOptions = {}): Tensor {
  wantDtype('layerNorm', 'float32', x)
  const columns = x.shape.at(-1)
  if (columns === undefined) throw new ShapeError('layerNorm: wants x [..., D], got a scalar')
  for (const [name, vector] of Object.entries({ gamma, beta })) {
    if (vector && !sameShape(vector.shape, [columns])) {
      throw new ShapeError(`layerNorm: x ${show(x.shape)} wants ${name} [${columns}], got ${show(vector.shape)}`)
    }
  }
  const normalised = normaliseRows(x, columns, epsilon)
  const scaled = gamma ? mul(normalised, gamma) : normalised
  return beta ? add(scaled, beta) : scaled
}

function normaliseRows(x: Tensor, columns: number, epsilon: number): Tensor {
  const rows = x.size / columns
  const y = empty(x.shape, 'float32', x.device)
  const scale = empty([rows], 'float32', x.device)
  x.device.launch({ op: 'normaliseRows', x: x.slice, y: y.slice, scale: scale.slice, rows, columns, epsilon })
  return onceDifferentiable('layerNorm', y, [x], g => {
    const dx = empty(x.shape, 'float32', x.device)
    const operands = { g: g.slice, y: y.slice, scale: scale.slice, dx: dx.slice }
    x.device.launch({ op: 'normaliseRowsGradient', ...operands, rows, columns })
    return [dx]
  })
}
