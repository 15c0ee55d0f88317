import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DeviceError } from '../../src/device/errors.js'
import type { Precision } from '../../src/device/launch.js'
import { precisionFault } from '../../src/device/precision.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { withPrecision } from '../../src/tensor/context.js'
import { tensor } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor, TypedArray } from '../../src/tensor/tensor.js'
import { type Array64, map, type Reference } from '../reference/array.js'
import { type Draw, draw, generator, normal, rounded } from '../reference/random.js'

export interface Input {
  readonly shape: readonly number[]
  /** Standard normal values where nothing else is said. */
  readonly draw?: Draw
  readonly dtype?: 'float32' | 'int32' | 'uint32'
  /** Whether the gradient of this input is compared; by default that of every float32 input. */
  readonly differentiable?: boolean
}

/** One op at one size, held against float64. */
export interface Case {
  readonly name: string
  readonly inputs: readonly Input[]
  run(inputs: Tensor[]): Tensor
  reference(inputs: Array64[]): Array64
  /** Absent: only the value is compared. */
  gradient?(inputs: Array64[], outputGradient: Array64): (Array64 | null)[]
  /** How many products or terms a value is summed from, in the forward or a backward pass: K of the bound. */
  readonly depth: number
  /** Of the products; a device without it must refuse. By default float32. */
  readonly precision?: Precision
  /** Losses with a temperature: the bound is divided by it. */
  readonly temperature?: number
  /** Absolute error a value, root mean square, that is let pass whatever the norm. */
  readonly floor?: number
  /** The gradient that arrives from above; drawn where it is not given. */
  readonly outputGradient?: Array64
}

/** A case of an op that has a float64 reference: its forward and gradient with the attributes filled in. */
export function caseOf<Attributes>(
  name: string,
  reference: Reference<Attributes>,
  attributes: Attributes,
  row: Pick<Case, 'inputs' | 'run' | 'depth' | 'precision' | 'temperature' | 'floor'>,
): Case {
  return {
    name,
    ...row,
    reference: inputs => reference.forward(inputs, attributes),
    gradient: (inputs, outputGradient) => reference.gradient(inputs, attributes, outputGradient),
  }
}

/** float32's unit in the last place of 1. */
const EPSILON = 2 ** -23
/** How much the operands of a product may be off by, relative to themselves, before it is taken. */
const ROUNDING: Record<Precision, number> = { float32: 0, bfloat16: 2 ** -8, float16: 2 ** -11 }
const FLOOR = 1e-7

/** ‖x − x64‖ ≤ (8 · √depth · ε / temperature + 2 · rounding) · ‖x64‖ + floor · √size; integers exactly. */
export function compare(what: string, actual: TypedArray, expected: Array64, row: Omit<Case, 'run' | 'inputs'>): void {
  assert.equal(actual.length, expected.data.length, `${what}: number of values`)
  if (!(actual instanceof Float32Array)) {
    // −0 + 0 = 0: integers have one zero.
    assert.deepEqual(
      [...actual],
      Array.from(expected.data, value => value + 0),
      what,
    )
    return
  }
  const { depth, temperature = 1, floor = FLOOR, precision = 'float32' } = row
  const error = Math.hypot(...expected.data.map((value, i) => actual[i]! - value))
  const norm = Math.hypot(...expected.data)
  const relative = (8 * Math.sqrt(depth) * EPSILON) / temperature + 2 * ROUNDING[precision]
  const bound = relative * norm + floor * Math.sqrt(actual.length)
  assert.ok(error <= bound, `${what}: off by ${error} of ${norm}, allowed ${bound}`)
}

/** The float32 values of a case's inputs, the same on every device and in the reference. */
export function valuesOf(row: Case): Array64[] {
  const seed = [...row.name].reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), 7)
  const random = generator(seed)
  return row.inputs.map(input => rounded(draw(input.shape, input.draw ?? normal(), random)))
}

/**
 * Runs a case on a device. The value is compared, and then the gradients with the op mid-graph:
 * loss = Σ w · op(½ · x), where x is twice the input, so that scaling rounds nothing away.
 */
export async function check(device: Device, row: Case): Promise<void> {
  const values = valuesOf(row)
  const upload = (x: Array64, k: number, scale = 1): Tensor => {
    const dtype = row.inputs[k]!.dtype ?? 'float32'
    return tensor([...map(x, value => scale * value).data], { shape: x.shape, dtype, device })
  }
  const expected = row.reference(values)
  const run = (inputs: Tensor[]) => withPrecision(row.precision ?? 'float32', () => row.run(inputs))
  const forward = () => scope(() => run(values.map((x, k) => upload(x, k))))
  if (row.precision && precisionFault(row.precision, device.info)) {
    assert.throws(forward, DeviceError)
    return
  }
  const out = forward()
  assert.deepEqual([...out.shape], expected.shape, 'shape')
  compare('value', await out.data(), expected, row)
  out.dispose()

  const wanted = row.inputs.flatMap(({ dtype, differentiable }, k) => ((differentiable ?? !dtype) ? [k] : []))
  if (!row.gradient || wanted.length === 0) return
  const weight = row.outputGradient ?? rounded(draw(expected.shape, normal(), generator(5)))
  const found = scope(() => {
    const leaves = new Map(wanted.map(k => [k, upload(values[k]!, k, 2)]))
    for (const leaf of leaves.values()) leaf.requiresGradient = true
    const inputs = values.map((x, k) => (leaves.has(k) ? mul(leaves.get(k)!, 0.5) : upload(x, k)))
    const above = tensor([...weight.data], { shape: weight.shape, dtype: 'float32', device })
    return gradients(sum(mul(run(inputs), above)), [...leaves.values()])
  })
  const exact = row.gradient(values, weight)
  for (const [i, k] of wanted.entries()) {
    const gradient = found[i]!
    assert.deepEqual([...gradient.shape], exact[k]!.shape, `shape of gradient ${k}`)
    compare(
      `gradient ${k}`,
      await gradient.data(),
      map(exact[k]!, value => value / 2),
      row,
    )
    gradient.dispose()
  }
}
