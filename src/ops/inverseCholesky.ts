import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { implement, scratch } from '../device/webgpu/plan.js'
import { tensor } from '../tensor/create.js'
import { show } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { add, mul } from './elementwise.js'
import { matmul } from './matmul.js'
import { transpose } from './shape.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out = L⁻¹ with L·Lᵀ = (x + xᵀ) / 2, lower triangular; x, out [d, d]. */
    inverseCholesky: { x: Slice; out: Slice; d: number }
  }
}

implement('inverseCholesky', ({ x, out, d }) => [
  {
    kernel: 'inverse_cholesky',
    bindings: [x, scratch(0, 4 * d * d), out],
    params: { d },
    grid: [1, 1, 1],
    // One workgroup has the device to itself.
    work: 16 * d * d * d,
  },
])

/**
 * The lower triangular W with W · (x + xᵀ)/2 · Wᵀ = I: the inverse of the Cholesky factor. If x is the covariance of
 * some vectors, W times each is white (Kessy, Lewin & Strimmer, 2018, https://arxiv.org/abs/1512.00809). On the device,
 * so that it can stand in a recorded step; NaN where x is not positive definite, because nothing can be thrown in the
 * middle of a queue. `cholesky` is for the host.
 *
 * The gradient is Murray's for the factor (2016, https://arxiv.org/abs/1602.07527, equation 8) carried on to its
 * inverse, and made of ops, so of any order: −½ (S + Sᵀ), S = Wᵀ Φ(G Wᵀ) W, where Φ takes the lower triangle and half of
 * the diagonal.
 *
 * @param x float32 [d, d]
 * @throws ShapeError when not square, DtypeError
 */
export function inverseCholesky(x: Tensor): Tensor {
  wantDtype('inverseCholesky', 'float32', x)
  const [d, other] = x.shape
  if (d === undefined || x.rank !== 2 || d !== other) {
    throw new ShapeError(`inverseCholesky: wants a square matrix, got ${show(x.shape)}`)
  }
  const out = empty([d, d], 'float32', x.device)
  x.device.launch({ op: 'inverseCholesky', x: x.slice, out: out.slice, d })
  return differentiable(out, [x], g => {
    const inner = mul(matmul(g, out, { transposeB: true, ...exact }), halvedLower(d, x))
    const s = matmul(matmul(out, inner, { transposeA: true, ...exact }), out, exact)
    return [mul(add(s, transpose(s)), -0.5)]
  })
}

/** Covariances have small eigenvalues, which bfloat16 would lose. */
const exact = { precision: 'float32' } as const

/** What Φ multiplies with: 1 below the diagonal, ½ on it, 0 above. */
function halvedLower(d: number, { device }: Tensor): Tensor {
  const values = new Float32Array(d * d)
  for (let i = 0; i < d; i++) {
    values.fill(1, i * d, i * d + i)
    values[i * d + i] = 0.5
  }
  return tensor(values, { shape: [d, d], device })
}
