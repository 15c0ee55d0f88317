import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import type { Generator } from '../tensor/philox.js'
import { type Shape, show } from '../tensor/shape.js'
import { empty, type Tensor, wantDtype } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** `count` words of the stream in `state`, or uniforms in [0, 1) made of them. */
    random: { state: Slice; out: Slice; count: number; uniform: boolean }
  }
}

implement('random', ({ state, out, count, uniform }, { limits }) => [
  {
    kernel: 'random',
    parameters: { UNIFORM: uniform ? 1 : 0, TYPE: uniform ? 'f32' : 'u32' },
    bindings: [state, out],
    params: { count },
    grid: fold(tiles(count, 256), limits),
    work: 20 * count,
  },
])

/**
 * Sets `count` words of a generator aside for the device and says where they are: uint32 `[6]`, what `randomUniform`
 * and `randomWords` take. They begin at a whole block of four words; the generator goes on after them.
 */
export function reserve(generator: Generator, count: number): Uint32Array {
  const { state } = generator
  const block = Math.ceil(state.counter / 4)
  generator.state = { ...state, counter: 4 * (block + Math.ceil(count / 4)) }
  return Uint32Array.of(...generator.words, block, block / 0x100000000)
}

/**
 * Uniforms in [0, 1), 24 bits each: the same on every device, and `uniformFloat32` of the generator's own words.
 *
 * @param state uint32 `[6]`, from `reserve`; write another before each replay
 * @returns float32, no gradient
 * @throws ShapeError, DtypeError
 */
export function randomUniform(shape: Shape, state: Tensor): Tensor {
  return draw('randomUniform', shape, state)
}

/** 32 random bits an element: uint32 of `shape`. `state` as in `randomUniform`. @throws ShapeError, DtypeError */
export function randomWords(shape: Shape, state: Tensor): Tensor {
  return draw('randomWords', shape, state)
}

function draw(op: 'randomUniform' | 'randomWords', shape: Shape, state: Tensor): Tensor {
  wantDtype(op, 'uint32', state)
  if (state.size !== 6) throw new ShapeError(`${op}: wants a state [6] from reserve(), got ${show(state.shape)}`)
  const uniform = op === 'randomUniform'
  const out = empty(shape, uniform ? 'float32' : 'uint32', state.device)
  out.device.launch({ op: 'random', state: state.slice, out: out.slice, count: out.size, uniform })
  return out
}
