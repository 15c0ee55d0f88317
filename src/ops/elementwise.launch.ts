import type { Device, Slice } from '../device/device.js'
import { DtypeError } from '../device/errors.js'
import { isSlice, type LaunchOf } from '../device/launch.js'
import { type Dispatch, implement, stream, type Target } from '../device/webgpu/plan.js'
import { broadcast, type Shape, show, sizeOf, stridesOf } from '../tensor/shape.js'
import { type Dtype, empty, Tensor } from '../tensor/tensor.js'
import { type Row, type RowName, table } from './elementwise.table.js'

type ElementType = 'float32' | 'int32' | 'uint32'

declare module '../device/launch.js' {
  interface Launches {
    /**
     * out = row(operands…), row-major over `shape`. A slice has strides (0 where it is stretched) and a type; a number
     * is a constant of the output's type.
     */
    elementwise: {
      row: RowName
      out: Slice
      outType: ElementType
      operands: readonly (Slice | number)[]
      types: readonly ElementType[]
      shape: readonly number[]
      strides: readonly (readonly number[])[]
    }
  }
}

const WGSL = { float32: 'f32', int32: 'i32', uint32: 'u32' } as const
const NAMES = ['A', 'B', 'C'] as const

implement('elementwise', planElementwise)

export function planElementwise(launch: LaunchOf<'elementwise'>, target: Target): Dispatch[] {
  const { operands, types, outType } = launch
  const { shape, strides, rank, width } = groupsOf(launch)
  const count = sizeOf(shape)
  const walk = stream(count, target)
  const groupOf = (type: ElementType) => (width === 4 ? `vec4<${WGSL[type]}>` : WGSL[type])
  const parameters: Record<string, string | number> = {
    ...walk.parameters,
    RANK: rank,
    WIDTH: width,
    OUT: WGSL[outType],
    GROUP_OUT: groupOf(outType),
  }
  const params: Record<string, number> = { ...walk.params, p: 0, q: 0 }
  const bindings: Slice[] = []
  const constants = ['p', 'q']
  NAMES.forEach((name, i) => {
    const operand = operands[i]
    const type = types[i] ?? 'float32'
    parameters[name] = WGSL[type]
    parameters[`GROUP_${name}`] = groupOf(type)
    // A binding that is stretched along the last axis holds single elements.
    parameters[`STORED_${name}`] = strides[i]?.at(-1) === 0 ? WGSL[type] : groupOf(type)
    parameters[`AT_${name}`] = bindings.length
    parameters[`KIND_${name}`] = isSlice(operand) ? 'element' : 'p'
    if (isSlice(operand)) bindings.push(operand)
    else if (operand !== undefined) {
      const constant = constants.shift()!
      parameters[`KIND_${name}`] = constant
      params[constant] = operand
    }
  })
  for (let axis = 0; axis < rank; axis++) {
    params[`size_${axis}`] = shape[axis]!
    NAMES.forEach((name, i) => {
      params[`${name.toLowerCase()}_${axis}`] = strides[i]?.[axis] ?? 0
    })
  }
  parameters.FORMULA = table[launch.row].wgsl.replaceAll('{{A}}', String(parameters.A))
  parameters.AT_OUT = bindings.length
  return [
    {
      kernel: 'elementwise',
      parameters,
      bindings: [...bindings, launch.out],
      params,
      grid: walk.grid,
      work: count * width,
    },
  ]
}

/**
 * The launch in groups of four elements along the last axis, where each operand either walks there or stands still, and
 * as it is otherwise: a load of four costs hardly more than a load of one. Rank 0 says that nothing is broadcast.
 */
function groupsOf(launch: LaunchOf<'elementwise'>) {
  const slices = launch.operands.map(isSlice)
  const linear = slices.every((slice, i) => !slice || isLinear(launch.strides[i]!, launch.shape))
  const shape = linear ? [sizeOf(launch.shape)] : [...launch.shape]
  const strides = linear ? launch.operands.map(() => [1]) : launch.strides
  const last = shape.length - 1
  const inGroups = (own: readonly number[]) =>
    own[last] === 0 || (own[last] === 1 && own.every((stride, axis) => axis === last || stride % 4 === 0))
  const rank = linear ? 0 : shape.length
  if (shape[last]! % 4 !== 0 || !slices.every((slice, i) => !slice || inGroups(strides[i]!))) {
    return { shape, strides, rank, width: 1 }
  }
  shape[last]! /= 4
  const grouped = strides.map(own =>
    own[last] === 0 ? own : own.map((stride, axis) => (axis === last ? stride : stride / 4)),
  )
  return { shape, strides: grouped, rank, width: 4 }
}

function isLinear(strides: readonly number[], shape: Shape): boolean {
  return stridesOf(shape).every((stride, axis) => shape[axis] === 1 || strides[axis] === stride)
}

/**
 * Runs a row over tensors and constants, broadcasting as NumPy does. The result is float32 for comparisons and
 * otherwise of the operands' type; at least of shape `shape`.
 *
 * @throws ShapeError, DtypeError
 */
export function runRow(name: RowName, operands: readonly (Tensor | number)[], shape?: Shape): Tensor {
  const row: Row = table[name]
  const tensors = operands.filter(operand => operand instanceof Tensor)
  const values = name === 'where' ? operands.slice(1).filter(operand => operand instanceof Tensor) : tensors
  const type = commonType(name, row, values)
  const full = broadcast(name, ...tensors.map(tensor => tensor.shape), ...(shape ? [shape] : []))
  const device: Device = tensors[0]!.device
  const outType = name === 'greater' || name === 'equal' ? 'float32' : type
  const out = empty(full, outType, device)
  const collapsed = collapse(full, operands)
  device.launch({
    op: 'elementwise',
    row: name,
    out: out.slice,
    outType,
    operands: operands.map(operand => (operand instanceof Tensor ? operand.slice : operand)),
    types: operands.map(operand => (operand instanceof Tensor ? (operand.dtype as ElementType) : type)),
    ...collapsed,
  })
  return out
}

function commonType(name: string, row: Row, tensors: readonly Tensor[]): ElementType {
  const type: Dtype = tensors[0]?.dtype ?? 'float32'
  const other = tensors.find(({ dtype }) => dtype !== type)
  if (other) throw new DtypeError(`${name}: wants operands of one dtype, got ${type} and ${other.dtype}; use cast`)
  if (type === 'uint8' || (type !== 'float32' && !row.integers)) {
    throw new DtypeError(
      `${name}: wants float32${row.integers ? ', int32 or uint32' : ''}, got ${type} ${show(tensors[0]!.shape)}`,
    )
  }
  return type
}

/** Merges neighbouring axes over which every operand walks on, so that most broadcasts need two or three axes. */
function collapse(full: Shape, operands: readonly (Tensor | number)[]) {
  const each = operands.map(operand => (operand instanceof Tensor ? stretched(operand.shape, full) : full.map(() => 0)))
  const shape: number[] = []
  const strides: number[][] = each.map(() => [])
  full.forEach((size, axis) => {
    if (size === 1) return
    const last = shape.length - 1
    const merges = last >= 0 && each.every((stride, i) => strides[i]![last] === stride[axis]! * size)
    if (merges) {
      shape[last]! *= size
      each.forEach((stride, i) => {
        strides[i]![last] = stride[axis]!
      })
    } else {
      shape.push(size)
      each.forEach((stride, i) => {
        strides[i]!.push(stride[axis]!)
      })
    }
  })
  if (shape.length === 0) {
    shape.push(1)
    for (const list of strides) list.push(1)
  }
  return { shape, strides }
}

/** The strides of `shape` seen as `full`: 0 along stretched axes. */
function stretched(shape: Shape, full: Shape): number[] {
  const own = stridesOf(shape)
  return full.map((_, axis) => {
    const at = axis - full.length + shape.length
    return at < 0 || shape[at] === 1 ? 0 : own[at]!
  })
}
