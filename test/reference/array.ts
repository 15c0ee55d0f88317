/**
 * The engine again in plain float64, written from the formulas and not from `src/ops`: what the devices are measured
 * against. Readable loops, no speed.
 */
export interface Array64 {
  shape: number[]
  data: Float64Array
}

/** One op: its value, and the gradients of its inputs from the gradient of its output (`null`: has none). */
export interface Reference<Attributes = undefined> {
  forward(inputs: Array64[], attributes: Attributes): Array64
  gradient(inputs: Array64[], attributes: Attributes, outputGradient: Array64): (Array64 | null)[]
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

export function zeros(shape: readonly number[]): Array64 {
  return { shape: [...shape], data: new Float64Array(sizeOf(shape)) }
}

/** @throws when the shape and the number of values differ. */
export function array(shape: readonly number[], values: ArrayLike<number>): Array64 {
  if (values.length !== sizeOf(shape)) throw new Error(`[${shape}] wants ${sizeOf(shape)} values, got ${values.length}`)
  return { shape: [...shape], data: Float64Array.from(values) }
}

export function map(x: Array64, f: (value: number, index: number) => number): Array64 {
  return { shape: x.shape, data: x.data.map(f) }
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}

/** The position of an element from its index along each axis. */
export function ravel(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)
}

/** The index along each axis from the position of an element. */
export function unravel(flat: number, shape: readonly number[]): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(flat / stride) % shape[axis]!)
}

/** An array seen as rows: everything but the last axis, and the last axis. */
export function rowsOf(x: Array64): { rows: number; columns: number } {
  const columns = x.shape.at(-1) ?? 1
  return { rows: columns === 0 ? 0 : x.data.length / columns, columns }
}

/** NumPy's rule. @throws when two extents differ and neither is 1. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(shape => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map(shape => shape[axis - rank + shape.length] ?? 1)
    const extent = extents.find(e => e !== 1) ?? 1
    if (extents.some(e => e !== 1 && e !== extent)) throw new Error(`[${shapes.join('] and [')}] do not broadcast`)
    return extent
  })
}

/** Where element `index` of the broadcast result comes from in an array of the given shape. */
export function broadcastSource(index: readonly number[], shape: readonly number[]): number {
  const skipped = index.length - shape.length
  return ravel(
    shape.map((extent, axis) => (extent === 1 ? 0 : index[axis + skipped]!)),
    shape,
  )
}
