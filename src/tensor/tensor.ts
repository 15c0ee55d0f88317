import type { Buffer, Device, Slice } from '../device/device.js'
import { DisposedError, DtypeError, ShapeError } from '../device/errors.js'
import { collect } from './scope.js'
import { checkShape, type Shape, show, sizeOf } from './shape.js'
import type { Node } from './tape.js'

export type Dtype = 'float32' | 'int32' | 'uint32' | 'uint8'
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array

export const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array, uint8: Uint8Array } as const

export function bytesOf(dtype: Dtype, size: number): number {
  return size * ARRAYS[dtype].BYTES_PER_ELEMENT
}

/** Device memory that several tensors may share (a reshape, the slots of an arena). */
export class Storage {
  private references = 1

  constructor(
    readonly device: Device,
    readonly buffer: Buffer,
  ) {}

  retain(): this {
    this.references++
    return this
  }

  release(): void {
    if (--this.references === 0) this.device.free(this.buffer)
  }
}

/** An n-dimensional array on a device: contiguous, row-major. Made by `tensor`, `zeros`, … and by ops. */
export class Tensor {
  private storage: Storage | undefined
  /** How this tensor came about, while gradients are recorded. */
  node: Node | undefined
  /** Disposed while on the tape: a gradient cannot pass it any more. */
  lostNode = false
  /** Whether `gradients` may be asked for this tensor, and ops on it are recorded. */
  requiresGradient = false

  constructor(
    storage: Storage,
    private offset: number,
    readonly shape: Shape,
    readonly dtype: Dtype,
  ) {
    this.storage = storage
    this.device = storage.device
    collect(this)
  }

  readonly device: Device

  get size(): number {
    return sizeOf(this.shape)
  }

  get rank(): number {
    return this.shape.length
  }

  get disposed(): boolean {
    return this.storage === undefined
  }

  /** Where the elements lie: the operand of a launch. @throws DisposedError */
  get slice(): Slice {
    return { buffer: this.alive().buffer, offset: this.offset, bytes: bytesOf(this.dtype, this.size) }
  }

  /** The elements, row-major, in memory of the caller's own. */
  async data(): Promise<TypedArray> {
    const { buffer, offset, bytes } = this.slice
    return new ARRAYS[this.dtype](await this.device.read(buffer, offset, bytes))
  }

  /** The only element. @throws ShapeError when there are more. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item: wants a single element, got ${show(this.shape)}`)
    return (await this.data())[0]!
  }

  /** Another tensor over the same memory. Not on the tape: `reshape` of `ops/shape.ts` is. */
  alias(shape: Shape = this.shape): Tensor {
    checkShape('alias', shape)
    if (sizeOf(shape) !== this.size) throw new ShapeError(`reshape: ${show(this.shape)} has no shape ${show(shape)}`)
    return new Tensor(this.alive().retain(), this.offset, shape, this.dtype)
  }

  /** Overwrites the elements from the host; seen by the launches made after it. */
  write(data: TypedArray): void {
    if (!(data instanceof ARRAYS[this.dtype]) || data.length !== this.size) {
      throw new ShapeError(
        `write: wants ${this.size} elements of ${this.dtype}, got ${data.length} in ${data.constructor.name}`,
      )
    }
    this.device.write(this.alive().buffer, data, this.offset)
  }

  /** Lets go of this tensor's memory and takes another place, with the same shape (a slot of an arena). */
  moveTo(storage: Storage, offset: number): void {
    this.alive().release()
    this.storage = storage.retain()
    this.offset = offset
  }

  /** Gives the memory back to the pool, when no other tensor shares it. Twice is once. */
  dispose(): void {
    this.storage?.release()
    this.storage = undefined
    this.lostNode ||= this.node !== undefined
    this.node = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private alive(): Storage {
    if (this.storage) return this.storage
    throw new DisposedError(
      `a tensor ${show(this.shape)} was used after its memory was given back: return it from its scope, or \`keep\` it`,
    )
  }
}

/** A new tensor whose elements are whatever the memory held: ops launch into it. */
export function empty(shape: Shape, dtype: Dtype, device: Device): Tensor {
  checkShape('empty', shape)
  const bytes = bytesOf(dtype, sizeOf(shape))
  // uint8 kernels write whole words
  return new Tensor(new Storage(device, device.alloc(Math.ceil(bytes / 4) * 4)), 0, [...shape], dtype)
}

/** @throws DtypeError unless every tensor has the dtype the op wants. */
export function wantDtype(op: string, dtype: Dtype, ...tensors: Tensor[]): void {
  const other = tensors.find(tensor => tensor.dtype !== dtype)
  if (other) throw new DtypeError(`${op}: wants ${dtype}, got ${other.dtype} ${show(other.shape)}; use cast`)
}
