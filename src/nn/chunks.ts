import { ShapeError } from '../device/errors.js'
import { concat, slice } from '../ops/shape.js'
import { show } from '../tensor/shape.js'
import { checkpoint } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { batchNormsOf } from './batchNorm.js'
import type { Module } from './module.js'

/**
 * What `body` makes of a batch, chunk by chunk and with the memory of one chunk: of each only the output is kept, and
 * when the gradient is wanted it runs again (gradient caching, Gao et al., 2021, https://arxiv.org/abs/2101.06983). A
 * contrastive loss over all of the outputs is then as exact as without chunks:
 *
 *   const z = inChunks([encoder, projector], [images], 16, x => projector.forward(encoder.forward(x)))
 *   ntXent(l2normalize(z), temperature)
 *
 * Batch norm sees one chunk at a time, as with `splits` equal to `chunks`, and its running statistics move once by the
 * mean of the chunks' statistics. Dropout drops the same places of every chunk.
 *
 * @param modules what `body` uses: every parameter and every batch norm in it, each called once
 * @param inputs float32 or int32, each [N, …]; body gets rows (k − 1)·N / chunks … k·N / chunks of each in its k-th call
 * @param body makes a tensor [N / chunks, …] of its own; it may be called again later, with the modules as they are then
 * @returns the outputs one behind the other, [N, …]; first-order gradients only
 * @throws ShapeError when the inputs have no common first axis, or `chunks` does not divide it
 */
export function inChunks(
  modules: readonly Module[],
  inputs: readonly Tensor[],
  chunks: number,
  body: (...parts: Tensor[]) => Tensor,
): Tensor {
  const rows = inputs[0]?.shape[0]
  const divides = rows !== undefined && Number.isInteger(chunks) && chunks >= 1 && rows % chunks === 0
  if (!divides || inputs.some(({ shape }) => shape[0] !== rows)) {
    const got = inputs.map(({ shape }) => show(shape)).join(', ')
    throw new ShapeError(`inChunks: wants inputs whose first axes are one multiple of ${chunks} chunks, got ${got}`)
  }
  if (chunks === 1) return body(...inputs)
  const parameters = modules.flatMap(module => module.parameters()).filter(tensor => tensor.requiresGradient)
  const norms = batchNormsOf(modules).map(norm => ({ norm, momentum: norm.momentum }))
  // Cut within the checkpoint, so that the parts are not kept either.
  const part = (k: number) => (x: Tensor) =>
    slice(x, [(k * rows) / chunks, ...x.shape.slice(1).fill(0)], [rows / chunks, ...x.shape.slice(1)])
  try {
    const outputs = Array.from({ length: chunks }, (_, k) => {
      for (const { norm, momentum } of norms) norm.momentum = momentumOf(k + 1, chunks, momentum)
      return checkpoint((...whole) => body(...whole.map(part(k))), inputs, parameters)
    })
    return concat(outputs, 0)
  } finally {
    for (const { norm, momentum } of norms) norm.momentum = momentum
  }
}

/**
 * How much chunk k of `chunks` (from 1) counts, so that r ← (1 − m_k)·r + m_k·s_k over all k ends at
 * (1 − m)·r + m·mean(s), where one step with momentum m by the mean of the statistics s would end.
 */
function momentumOf(k: number, chunks: number, momentum: number): number {
  return momentum / (chunks - (chunks - k) * momentum)
}
