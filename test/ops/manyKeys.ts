import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'

export const WIDTH = 128
export const TEMPERATURE = 0.07
/** What a loss may need beside its inputs and gradients, and a device may hold in all. */
const BESIDE = 64 * 2 ** 20
const ALL = 2 ** 30
/** In nanoseconds: a GPU's driver may take a longer one for a dispatch that hangs. The CPU device has no such driver. */
const LONGEST_DISPATCH = 1e9

export const dot = (a: Float32Array, i: number, b: Float32Array, j: number): number => {
  let sum = 0
  for (let c = 0; c < WIDTH; c++) sum += a[i * WIDTH + c]! * b[j * WIDTH + c]!
  return sum
}

/** Runs a loss and its gradient, and holds it to what it may take. */
export async function measured(device: Device, z: Tensor, loss: () => Tensor) {
  device.resetPeak()
  const { live } = device.memory()
  const begin = performance.now()
  let made!: [Tensor, Tensor]
  const times = await device.trace(async () => {
    made = scope(() => {
      const value = loss()
      return [value, ...gradients(value, [z])] as [Tensor, Tensor]
    })
  })
  const [value, gradient] = [await made[0].item(), (await made[1].data()) as Float32Array]
  const { peak } = device.memory()
  for (const each of made) each.dispose()
  const beside = peak - live - 4 * z.size
  const seconds = (performance.now() - begin) / 1000
  const { launch, longestDispatch } = times.reduce((a, b) => (b.longestDispatch > a.longestDispatch ? b : a))
  const dispatches = `longest dispatch ${(longestDispatch / 1e6).toFixed(0)} ms (${launch.op})`
  console.log(
    `      ${(beside / 2 ** 20).toFixed(1)} MiB beside inputs and gradient, ${seconds.toFixed(1)} s, ${dispatches}`,
  )
  assert.ok(beside <= BESIDE, `${beside} bytes beside inputs and gradient`)
  assert.ok(peak <= ALL, `${peak} bytes in all`)
  assert.ok(longestDispatch <= LONGEST_DISPATCH || device.info.kind === 'cpu', dispatches)
  return { value, gradient }
}

/** ‖found − exact‖ of some rows against the bound of the conformance suite. */
export function assertRows(found: Float32Array, exact: Map<number, Float64Array>, depth: number): void {
  let [error, norm] = [0, 0]
  for (const [row, values] of exact) {
    for (const [c, value] of values.entries()) {
      error += (found[row * WIDTH + c]! - value) ** 2
      norm += value ** 2
    }
  }
  const bound = (8 * Math.sqrt(depth) * 2 ** -23) / TEMPERATURE
  const relative = Math.sqrt(error / norm)
  assert.ok(norm > 0 && relative <= bound, `gradient off by ${relative} of its norm, allowed ${bound}`)
}

/**
 * Σ_j exp(q_i · k_j / T) and Σ_j exp(q_i · k_j / T) · k_j in float64, for some queries i and all keys so far.
 * Similarities lie between −1/T and 1/T, or little beyond: their exponentials need no maximum.
 */
export class ExactSums {
  readonly of: ReadonlyMap<number, { sum: number; readonly weighted: Float64Array }>

  constructor(
    private readonly queries: Float32Array,
    sampled: readonly number[],
  ) {
    this.of = new Map(sampled.map(row => [row, { sum: 0, weighted: new Float64Array(WIDTH) }]))
  }

  take(row: number, keys: Float32Array, j: number): void {
    const state = this.of.get(row)!
    const weight = Math.exp(dot(this.queries, row, keys, j) / TEMPERATURE)
    state.sum += weight
    for (let c = 0; c < WIDTH; c++) state.weighted[c]! += weight * keys[j * WIDTH + c]!
  }

  async takeAll(pages: readonly Tensor[]): Promise<void> {
    for (const page of pages) {
      const keys = (await page.data()) as Float32Array
      for (const row of this.of.keys()) for (let j = 0; j < page.shape[0]!; j++) this.take(row, keys, j)
    }
  }

  /** log Σ − s⁺ of a query, key `j` being its positive. */
  loss(row: number, keys: Float32Array, j: number): number {
    return Math.log(this.of.get(row)!.sum) - dot(this.queries, row, keys, j) / TEMPERATURE
  }

  /** Its gradient, of a mean over `rows` queries. */
  gradient(row: number, keys: Float32Array, j: number, rows: number): Float64Array {
    const { sum, weighted } = this.of.get(row)!
    return weighted.map((value, c) => (value / sum - keys[j * WIDTH + c]!) / TEMPERATURE / rows)
  }
}
