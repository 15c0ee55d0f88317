/** What holds of every method with a surrogate task, whatever it asks. */
import assert from 'node:assert/strict'
import type { Dataset } from '../../src/data/dataset.js'
import type { Device } from '../../src/device/device.js'
import { ModelState } from '../../src/nn/state.js'
import type { Batch, Method } from '../../src/ssl/method.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { resolveConfig, type Settings } from '../../src/train/recipes.js'
import { assemble, readTensors, writeTensors } from '../../src/train/session.js'
import { BATCH, runSteps, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'

/** `count` views of normal noise, [batch, side, side, 1]. */
export function noiseViews(count: number, batch: number, side: number, device: Device): Tensor[] {
  const generator = new Generator(7)
  return Array.from({ length: count }, () => {
    const values = Float32Array.from({ length: batch * side * side }, () => generator.normal())
    return tensor(values, { shape: [batch, side, side, 1], device })
  })
}

/** A batch that has answers. */
export function askedOf(views: readonly Tensor[], targets: readonly number[]): Batch {
  const { device } = views[0]!
  return { ...batchOf(...views), targets: tensor(Int32Array.from(targets), { device }) }
}

/** Every parameter of every module gets a gradient that is finite and not all zeros. */
export async function everyParameterLearns(method: Method, batch: Batch): Promise<void> {
  const { parameters } = new ModelState(method.modules)
  const found = scope(() => gradients(method.loss(batch).loss, parameters.tensors))
  for (const [i, { name }] of parameters.slots.entries()) {
    const values = await found[i]!.data()
    assert.ok(values.some(value => value !== 0) && values.every(Number.isFinite), `gradient of ${name}`)
  }
}

/** A run that ends after four steps, and is taken up, ends with the bits of one that was left alone. */
export async function resumesBitForBit(device: Device, settings: Settings & { side?: number }): Promise<void> {
  const whole = tinyRun(device, settings)
  await runSteps(whole, 0, 6)
  const killed = tinyRun(device, settings)
  await runSteps(killed, 0, 4)
  const saved = await readTensors(killed.state)
  await runSteps(killed, 4, 5)
  const resumed = tinyRun(device, settings)
  writeTensors(resumed.state, saved, 'memory')
  await runSteps(resumed, 4, 6)
  assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
  assert.deepEqual(await resumed.step.metrics(6), (await whole.step.metrics(6)).slice(4))
}

/** Red grows from left to right, green from top to bottom: it shows where a part of them comes from. */
function slopes(side: number, count: number): Dataset {
  const generator = new Generator(5)
  const images = Uint8Array.from({ length: count * side * side * 3 }, (_, at) => {
    const [channel, x, y] = [at % 3, Math.floor(at / 3) % side, Math.floor(at / (3 * side)) % side]
    return (channel === 2 ? 0 : (200 * (channel === 0 ? x : y)) / side) + generator.uniform(0, 55)
  })
  return { name: 'slopes', source: 'slopes', height: side, width: side, channels: 3, count, images }
}

interface Means {
  readonly loss: number
  readonly accuracy: number
}

/** What the first and the last ten steps of a run on slopes come to, on average. */
export async function firstAndLast(
  device: Device,
  { side, ...settings }: Settings & { readonly side: number },
  steps: number,
): Promise<{ first: Means; last: Means }> {
  const config = resolveConfig({ batch: BATCH, width: 4, steps, schedule: { form: 'constant' }, ...settings })
  const { step } = assemble(config, { train: slopes(side, 3 * BATCH), skipped: [] }, device)
  for (let k = 0; k < steps; k++) await step.run(k)
  const metrics = await step.metrics(steps)
  const means = (rows: typeof metrics) => ({
    loss: rows.reduce((sum, { loss }) => sum + loss, 0) / rows.length,
    accuracy: rows.reduce((sum, row) => sum + row.accuracy!, 0) / rows.length,
  })
  return { first: means(metrics.slice(0, 10)), last: means(metrics.slice(-10)) }
}
