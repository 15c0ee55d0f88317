import type { Slice } from '../device/device.js'
import { DtypeError } from '../device/errors.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'
import { show } from '../tensor/shape.js'
import { type Dtype, empty, type Tensor } from '../tensor/tensor.js'
import './elementwise.launch.js'

declare module '../device/launch.js' {
  interface Launches {
    /** out[i] = the byte x[i] as a number of the type `to`. */
    castBytes: { x: Slice; out: Slice; to: 'float32' | 'int32' | 'uint32'; count: number }
  }
}

const WGSL = { float32: 'f32', int32: 'i32', uint32: 'u32' } as const

implement('castBytes', ({ x, out, to, count }, { limits }) => [
  {
    kernel: 'cast_bytes',
    parameters: { OUT: WGSL[to] },
    bindings: [x, out],
    params: { count },
    grid: fold(tiles(count, 256), limits),
    work: count,
  },
])

/**
 * `x` in another element type, value by value: float32 is cut towards zero, and what does not fit becomes the nearest
 * integer that does; a byte stays the number it is (0 … 255, not scaled); int32 and uint32 keep their bits. The same
 * type gives `x` itself, gradient and all; integers have no gradient.
 *
 * @throws DtypeError for a cast to uint8
 */
export function cast(x: Tensor, dtype: Exclude<Dtype, 'uint8'>): Tensor {
  if (x.dtype === dtype) return x
  if (!(dtype in WGSL))
    throw new DtypeError(`cast: wants float32, int32 or uint32 as the new type, got ${dtype} for ${show(x.shape)}`)
  const out = empty(x.shape, dtype, x.device)
  const count = x.size
  if (x.dtype === 'uint8') x.device.launch({ op: 'castBytes', x: x.slice, out: out.slice, to: dtype, count })
  else {
    x.device.launch({
      op: 'elementwise',
      row: 'identity',
      out: out.slice,
      outType: dtype,
      operands: [x.slice],
      types: [x.dtype],
      shape: [count],
      strides: [[1]],
    })
  }
  return out
}
