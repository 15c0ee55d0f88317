import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import type { Precision } from '../device/launch.js'
import { implement, offer } from '../device/webgpu/plan.js'
import { currentPrecision, withPrecision } from '../tensor/context.js'
import { broadcast, type Shape, sameShape, show, sizeOf } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'
import { add, relu, reluGradient } from './elementwise.js'
import { planMatmul } from './matmul.plan.js'
import { otherTiles } from './otherTiles.js'
import { reshape } from './reshape.js'
import { broadcastTo, sum } from './sum.js'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * out[b, m, n] = relu(Σ_k op(A)[b, m, k] · op(B)[b, k, n] + bias[n] + residual[b, m, n]), of the last three what is
     * there; the CPU device knows the bias only. A is [batch, m, k], transposed [batch, k, m]; B is [batch, k, n],
     * transposed [batch, n, k]; a shared operand has no batch.
     */
    matmul: {
      a: Slice
      b: Slice
      bias?: Slice
      residual?: Slice
      relu?: boolean
      out: Slice
      batch: number
      m: number
      n: number
      k: number
      transposeA: boolean
      transposeB: boolean
      sharedA: boolean
      sharedB: boolean
      precision?: Precision
    }
  }
}

implement('matmul', planMatmul)
offer('matmul', (launch, target) => otherTiles(force => planMatmul(launch, target, force), target))

export interface MatmulOptions {
  /** The last two axes of `a` are [K, M]. */
  readonly transposeA?: boolean
  /** The last two axes of `b` are [N, K]. */
  readonly transposeB?: boolean
  /** [N], added to every row. */
  readonly bias?: Tensor
  /** Of the product's shape, added to it. */
  readonly residual?: Tensor
  /** Whether negative numbers become 0 at last: relu(a·b + bias + residual). */
  readonly relu?: boolean
  /** By default what `withPrecision` says. The gradients have it too. */
  readonly precision?: Precision
}

/**
 * The matrix product of `a` [..., M, K] and `b` [..., K, N]: [..., M, N]. The leading axes broadcast; a single matrix is
 * shared by the whole batch without a copy. Bias, residual and ReLU are what `add` and `relu` would make of it, to the
 * bit, without another pass over memory where the kernel can do them on its way.
 *
 * @throws ShapeError, DtypeError
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias, residual, relu: clips = false } = options
  const { precision = currentPrecision() } = options
  const added = [bias, residual].filter(tensor => tensor !== undefined)
  wantDtype('matmul', 'float32', a, b, ...added)
  const { lead, m, n, k } = sizesOf(a, b, transposeA, transposeB, bias, residual)
  if (a.device.info.kind === 'cpu' && (residual || clips)) {
    const product = matmul(a, b, { transposeA, transposeB, precision, ...(bias && { bias }) })
    const sum = residual ? add(product, residual) : product
    return clips ? relu(sum) : sum
  }
  if (!isBatched(a, lead) || !isBatched(b, lead)) {
    const [fullA, fullB] = [a, b].map(x => broadcastTo(x, [...lead, ...x.shape.slice(-2)]))
    return matmul(fullA!, fullB!, { ...options, precision })
  }
  const out = empty([...lead, m, n], 'float32', a.device)
  const batch = sizeOf(lead)
  const sharedA = a.rank === 2
  const sharedB = b.rank === 2
  // A batch of row-major matrices times one matrix is one tall matrix times it.
  const tall = sharedB && !transposeA
  a.device.launch({
    op: 'matmul',
    a: a.slice,
    b: b.slice,
    ...(bias && { bias: bias.slice }),
    ...(residual && { residual: residual.slice }),
    ...(clips && { relu: true }),
    out: out.slice,
    batch: tall ? 1 : batch,
    m: tall ? batch * m : m,
    n,
    k,
    transposeA,
    transposeB,
    sharedA: sharedA || tall,
    sharedB,
    precision,
  })
  return differentiable(out, [a, b, ...added], (gradient, needed) => {
    const g = clips ? reluGradient(gradient, out) : gradient
    return [
      needed[0] ? withPrecision(precision, () => gradientOfA(g, a, b, transposeA, transposeB)) : null,
      needed[1] ? withPrecision(precision, () => gradientOfB(g, a, b, transposeA, transposeB)) : null,
      ...added.map((tensor, i) => {
        if (!needed[2 + i]) return null
        return tensor === bias ? sum(reshape(g, [batch * m, n]), 0) : g
      }),
    ]
  })
}

function gradientOfA(g: Tensor, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const full = transposeA
    ? matmul(b, g, { transposeA: transposeB, transposeB: true })
    : matmul(g, b, { transposeB: !transposeB })
  return overBatch(full, a.shape)
}

function gradientOfB(g: Tensor, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  if (b.rank === 2 && !transposeA) {
    const rows = reshape(a, [a.size / a.shape.at(-1)!, a.shape.at(-1)!])
    const gradientRows = reshape(g, [g.size / g.shape.at(-1)!, g.shape.at(-1)!])
    return transposeB
      ? matmul(gradientRows, rows, { transposeA: true })
      : matmul(rows, gradientRows, { transposeA: true })
  }
  const full = transposeB
    ? matmul(g, a, { transposeA: true, transposeB: transposeA })
    : matmul(a, g, { transposeA: !transposeA })
  return overBatch(full, b.shape)
}

/** The gradient of a matrix that the batch shared is the sum over the batch. */
function overBatch(gradient: Tensor, shape: Shape): Tensor {
  if (gradient.rank === shape.length) return gradient
  return sum(reshape(gradient, [gradient.size / sizeOf(shape), ...shape]), 0)
}

function sizesOf(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
  bias: Tensor | undefined,
  residual: Tensor | undefined,
) {
  if (a.rank < 2 || b.rank < 2) {
    throw new ShapeError(
      `matmul: wants matrices, got a ${show(a.shape)} and b ${show(b.shape)}; reshape a vector to [1,K]`,
    )
  }
  const [m, k] = matrixOf(a.shape, transposeA)
  const [rows, n] = matrixOf(b.shape, transposeB)
  if (rows !== k) {
    throw new ShapeError(
      `matmul: a ${show(a.shape)}${transposeA ? ' transposed' : ''} wants ${k} rows, got b ${show(b.shape)}${transposeB ? ' transposed' : ''}`,
    )
  }
  if (bias && !sameShape(bias.shape, [n])) throw new ShapeError(`matmul: wants a bias [${n}], got ${show(bias.shape)}`)
  const lead = broadcast('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  if (residual && !sameShape(residual.shape, [...lead, m, n])) {
    throw new ShapeError(`matmul: wants a residual ${show([...lead, m, n])}, got ${show(residual.shape)}`)
  }
  return { lead, m, n, k }
}

/** Whether an operand can be read as it lies: a single matrix, or one for each of the batch. */
function isBatched(x: Tensor, lead: Shape): boolean {
  return x.rank === 2 || sameShape(x.shape.slice(0, -2), lead)
}

function matrixOf(shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}
