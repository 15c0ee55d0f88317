import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { type AugmentStructure, augment, PARAMETERS } from '../../src/ops/augment.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { augmentReference } from '../reference/augment.js'

export type ImageShape = readonly [number, number, number, number]

export const plain: AugmentStructure = {
  height: 5,
  width: 5,
  interpolation: 'bilinear',
  padding: 'zeros',
  colour: false,
  contrast: 'none',
  hue: 'hsv',
  curves: false,
  blurRadius: 0,
  mean: [0.4],
  deviation: [0.3],
  standardise: 'none',
  noise: false,
}
export const rgb = { mean: [0.4, 0.5, 0.45], deviation: [0.25, 0.3, 0.2] }

export function randomBytes(count: number, seed = 1): Uint8Array {
  const generator = new Generator(seed)
  return Uint8Array.from({ length: count }, () => generator.integer(256))
}

/** Parameters that leave images alone, then changed image by image. */
export function parametersOf(
  count: number,
  [, height, width]: ImageShape,
  change?: (p: Float32Array, i: number) => void,
) {
  const all = new Float32Array(count * PARAMETERS)
  for (let i = 0; i < count; i++) {
    const p = all.subarray(i * PARAMETERS, (i + 1) * PARAMETERS)
    p.set([1, 0, 0, 0, 1, 0, 0, 2, 0, 0, width - 1, height - 1])
    p.set([1, 1, 1, 0, 1, 0], 16)
    change?.(p, i)
  }
  return all
}

export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    assert.ok(error <= tolerance, `${what}: element ${i} is ${actual[i]}, wants ${expected[i]}`)
  }
}

/** Augments on the device that is open when it is called, alone and beside float64. */
export function augmenting(device: () => Device) {
  async function run(shape: ImageShape, parameters: Float32Array, structure: AugmentStructure, bytes: Uint8Array) {
    const out = scope(() =>
      augment(
        tensor(bytes, { shape, device: device() }),
        tensor(parameters, { shape: [parameters.length / PARAMETERS, PARAMETERS], device: device() }),
        structure,
      ),
    )
    const data = await out.data()
    out.dispose()
    return data
  }

  /** Runs a structure on the device and in float64 and compares. */
  async function compare(
    what: string,
    shape: ImageShape,
    structure: AugmentStructure,
    change: (p: Float32Array, i: number) => void,
    count = 2 * shape[0],
    tolerance = 4e-5,
  ) {
    const bytes = randomBytes(shape.reduce((a, b) => a * b))
    const parameters = parametersOf(count, shape, change)
    const expected = augmentReference({ data: bytes, shape }, parameters, structure)
    assertClose(await run(shape, parameters, structure, bytes), expected, tolerance, what)
  }

  return { run, compare }
}
