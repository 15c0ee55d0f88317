import { type Binding, type Dispatch, fold, scratch, type Target, tiles } from '../device/webgpu/plan.js'
import { chunksOf, epilogueOf, type Product, splitsFor, sumSplits } from './matmulParts.plan.js'

/** A workgroup of the kernel has 256 invocations and begins with some hundred values of k: short chunks do not pay. */
const MIN_CHUNK = 512

/**
 * A product with at most 8 rows, or else at most 8 columns, on a GPU: the long operand is read once, as it lies, and
 * nothing of a tile is empty. Where the few are columns, A is the long operand and the output is written turned.
 */
export function planSkinny(launch: Product, target: Target, splitsWanted?: number): Dispatch[] {
  const { a, b, m, n, k, batch, transposeA, transposeB, sharedA, sharedB } = launch
  const rows = m <= n
  const [few, many] = rows ? [m, n] : [n, m]
  const alongK = rows ? transposeB : !transposeA
  const fewAlongK = rows ? !transposeA : transposeB
  const strides = { A: sharedA ? 0 : m * k, B: sharedB ? 0 : k * n }
  const groups = tiles(many, alongK ? 8 : 64)
  const count = batch * m * n
  const wanted = splitsWanted ?? splitsFor(k, groups * batch, 4 * count, target, MIN_CHUNK)
  const { splits, chunk } = chunksOf(k, wanted)
  const last = splits === 1
  const out: Binding = last ? launch.out : scratch(0, 4 * splits * count)
  const { bindings, parameters } = epilogueOf(last ? launch : {})
  const product: Dispatch = {
    kernel: 'matmul_skinny',
    parameters: {
      FEW: few,
      ALONG_K: Number(alongK),
      VEC: Number((alongK ? k : many) % 4 === 0),
      HALF: Number(launch.precision === 'float16'),
      ...parameters,
      BIAS: parameters.BIAS === 0 ? 0 : rows ? 'many' : 'few',
    },
    bindings: [...(rows ? [a, b] : [b, a]), out, ...bindings],
    params: {
      many,
      k,
      few_row: fewAlongK ? k : 1,
      few_k: fewAlongK ? 1 : few,
      few_batch: rows ? strides.A : strides.B,
      many_batch: rows ? strides.B : strides.A,
      out_few: rows ? n : 1,
      out_many: rows ? 1 : n,
      batch,
      splits,
      chunk,
      tiles: groups,
    },
    grid: fold(groups * splits * batch, target.limits),
    work: count * k,
  }
  return last ? [product] : [product, sumSplits(out, launch.out, count, splits, target, launch)]
}
