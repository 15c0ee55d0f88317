import type { Slice } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { show } from '../tensor/shape.js'
import { differentiable } from '../tensor/tape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** y = x / (1 − probability) where the step's random numbers let it live, else 0. */
    dropout: { x: Slice; state: Slice; y: Slice; count: number; probability: number; stream: number }
  }
}

implement('dropout', ({ x, state, y, count, probability, stream }, { limits }) => [
  {
    kernel: 'dropout',
    bindings: [x, state, y],
    params: { count, stream, probability, scale: 1 / (1 - probability) },
    grid: fold(tiles(count, 256), limits),
    work: 20 * count,
  },
])

export interface DropoutOptions {
  /** uint32 [4] = [seed low, seed high, step, 0]; a replayed step draws anew once the host has written the next step. */
  readonly seedState: Tensor
  /** A whole number of its own for every dropout of a model, below 2³². */
  readonly stream: number
}

/**
 * Sets each element to 0 with `probability` and divides the others by 1 − probability (Srivastava et al., 2014). The
 * mask is never stored: the gradient draws it again, so `seedState` must not change between a step's two passes.
 *
 * @param probability from 0 to below 1
 * @throws ShapeError, DtypeError, ConfigError
 */
export function dropout(x: Tensor, probability: number, { seedState, stream }: DropoutOptions): Tensor {
  wantDtype('dropout', 'float32', x)
  wantDtype('dropout', 'uint32', seedState)
  if (!(probability >= 0 && probability < 1)) {
    throw new ConfigError(`dropout: wants a probability from 0 to below 1, got ${probability}`)
  }
  if (!Number.isInteger(stream) || stream < 0 || stream >= 2 ** 32) {
    throw new ConfigError(`dropout: wants a whole number below 2^32 as stream, got ${stream}`)
  }
  if (seedState.size !== 4) {
    throw new ShapeError(`dropout: wants a seedState [4] (seed low, seed high, step, 0), got ${show(seedState.shape)}`)
  }
  return masked(x, probability, seedState, stream)
}

/** Linear in x: its gradient is itself. */
function masked(x: Tensor, probability: number, seedState: Tensor, stream: number): Tensor {
  const y = empty(x.shape, 'float32', x.device)
  const operands = { x: x.slice, state: seedState.slice, y: y.slice }
  x.device.launch({ op: 'dropout', ...operands, count: x.size, probability, stream })
  return differentiable(y, [x], g => [masked(g, probability, seedState, stream)])
}
