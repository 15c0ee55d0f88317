import type { Device, Slice } from '../device/device.js'
import { DtypeError, ShapeError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import { currentDevice } from './context.js'
import { checkShape, type Shape, show, sizeOf } from './shape.js'
import { ARRAYS, type Dtype, empty, type Tensor, type TypedArray } from './tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** Sets `count` 32-bit words to `bits`. */
    fill: { out: Slice; bits: number; count: number }
  }
}

implement('fill', ({ out, bits, count }, target) => {
  const whole = count % 4 === 0
  const { parameters, params, grid } = stream(whole ? count / 4 : count, target)
  return [
    {
      kernel: 'fill',
      parameters: { ...parameters, T: whole ? 'vec4<u32>' : 'u32' },
      bindings: [out],
      params: { ...params, bits },
      grid,
      work: count,
    },
  ]
})

export type Nested = number | readonly Nested[]

export interface TensorOptions {
  readonly shape?: Shape
  readonly dtype?: Dtype
  readonly device?: Device
  readonly requiresGradient?: boolean
}

/**
 * A tensor from a number, nested arrays or a typed array.
 *
 *   tensor([[1, 2], [3, 4]])                              // float32 [2,2]
 *   tensor(new Int32Array(6), { shape: [2, 3] })          // int32 [2,3]
 *
 * @throws ShapeError when the nesting is ragged or the number of elements does not fit `shape`.
 */
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype ?? dtypeOf(data)
  const shape = options.shape ?? shapeOf(data)
  checkShape('tensor', shape)
  const flat = ArrayBuffer.isView(data) ? (data as TypedArray) : flatten(data as Nested)
  if (flat.length !== sizeOf(shape)) {
    throw new ShapeError(`tensor: ${show(shape)} wants ${sizeOf(shape)} elements, got ${flat.length}`)
  }
  const out = make(shape, dtype, options)
  out.write(flat instanceof ARRAYS[dtype] ? flat : ARRAYS[dtype].from(flat as number[]))
  return out
}

/** A tensor whose elements are all `value`. */
export function full(shape: Shape, value: number, options: Omit<TensorOptions, 'shape'> = {}): Tensor {
  const out = make(shape, options.dtype ?? 'float32', options)
  fill(out, value)
  return out
}

export function zeros(shape: Shape, options?: Omit<TensorOptions, 'shape'>): Tensor {
  return full(shape, 0, options)
}

export function ones(shape: Shape, options?: Omit<TensorOptions, 'shape'>): Tensor {
  return full(shape, 1, options)
}

/** Overwrites every element of `out` on the device. */
export function fill(out: Tensor, value: number): void {
  const word = new DataView(new ArrayBuffer(4))
  if (out.dtype === 'float32') word.setFloat32(0, value, true)
  else if (out.dtype === 'uint8') word.setUint32(0, (value & 255) * 0x01010101, true)
  else word.setInt32(0, value, true)
  const count = Math.ceil(out.slice.bytes / 4)
  out.device.launch({ op: 'fill', out: { ...out.slice, bytes: 4 * count }, bits: word.getUint32(0, true), count })
}

/** Marks a float tensor as one whose gradient may be asked for. */
export function requireGradient(tensor: Tensor): Tensor {
  wantGradientDtype(tensor.dtype)
  tensor.requiresGradient = true
  return tensor
}

/** Checked before there is memory to lose. */
function make(shape: Shape, dtype: Dtype, { device, requiresGradient = false }: TensorOptions): Tensor {
  if (requiresGradient) wantGradientDtype(dtype)
  const out = empty(shape, dtype, device ?? currentDevice())
  out.requiresGradient = requiresGradient
  return out
}

function wantGradientDtype(dtype: Dtype): void {
  if (dtype !== 'float32') throw new DtypeError(`requiresGradient: wants float32, got ${dtype}`)
}

function dtypeOf(data: Nested | TypedArray): Dtype {
  for (const [dtype, array] of Object.entries(ARRAYS)) if (data instanceof array) return dtype as Dtype
  return 'float32'
}

function shapeOf(data: Nested | TypedArray): number[] {
  if (ArrayBuffer.isView(data)) return [(data as TypedArray).length]
  if (typeof data === 'number') return []
  const inner = data.map(shapeOf)
  const first = inner[0] ?? []
  if (inner.some(shape => show(shape) !== show(first))) {
    throw new ShapeError(`tensor: ragged rows, ${inner.map(show).join(' beside ')}`)
  }
  return [data.length, ...first]
}

function flatten(data: Nested): number[] {
  return typeof data === 'number' ? [data] : data.flatMap(flatten)
}
