import { mul } from '../../ops/elementwise.js'
import { matmul } from '../../ops/matmul.js'
import { sum } from '../../ops/sum.js'
import type { Tensor } from '../../tensor/tensor.js'

/**
 * The sum of the squares of all elements of aᵀb, for a and b [B, D]: a scalar. Where D is the larger, it is taken as
 * Σ aaᵀ ∘ bbᵀ, which is the same number: for B = 256 and the D = 8192 of Barlow Twins, matrices of 256 KiB in the
 * place of one of 256 MiB, and a sixteenth of the work.
 */
export function productSquares(a: Tensor, b: Tensor): Tensor {
  const [rows, columns] = a.shape as [number, number]
  if (columns <= rows) return squares(matmul(a, b, { transposeA: true, precision: 'float32' }))
  const gram = (x: Tensor) => matmul(x, x, { transposeB: true, precision: 'float32' })
  return a === b ? squares(gram(a)) : sum(mul(gram(a), gram(b)))
}

function squares(x: Tensor): Tensor {
  return sum(mul(x, x))
}
