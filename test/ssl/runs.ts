/** What must hold for every method: checked on a short run with noise pictures. */
import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { Module } from '../../src/nn/module.js'
import { ModelState } from '../../src/nn/state.js'
import { matmul } from '../../src/ops/matmul.js'
import { reshape } from '../../src/ops/shape.js'
import type { Batch, Encoder, Method } from '../../src/ssl/method.js'
import { requireGradient, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import type { Settings } from '../../src/train/recipes.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { eager, runSteps, tinyRun, valuesOf } from '../train/tiny.js'

/** A run killed after four steps goes on, from its tensors alone, with the same bits. */
export async function checkResume(device: Device, settings: Settings): Promise<void> {
  const whole = tinyRun(device, settings)
  await runSteps(whole, 0, 7)
  const killed = tinyRun(device, settings)
  await runSteps(killed, 0, 4)
  const saved = await readTensors(killed.state)
  await runSteps(killed, 4, 6)
  const resumed = tinyRun(device, settings)
  writeTensors(resumed.state, saved, 'memory')
  await runSteps(resumed, 4, 7)
  assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
  assert.deepEqual(await resumed.step.metrics(7), (await whole.step.metrics(7)).slice(4))
}

/** A recorded step is what it is when run eagerly, bit for bit, and everything it trains and keeps moves. */
export async function checkRecording(device: Device, settings: Settings): Promise<void> {
  const [recorded, plain] = [tinyRun(device, settings), tinyRun(eager(device), settings)]
  const before = await valuesOf(recorded)
  for (const run of [recorded, plain]) await runSteps(run, 0, 3)
  const after = await valuesOf(recorded)
  assert.deepEqual(await valuesOf(plain), after)
  assert.deepEqual(await plain.step.metrics(3), await recorded.step.metrics(3))
  for (const name of Object.keys(before)) assert.notDeepEqual(after[name], before[name], `${name} moves`)
}

/** The mean loss of the last ten of sixty steps lies below `share` of that of ten steps from `from` on. */
export async function checkLearning(device: Device, settings: Settings, { share = 0.9, from = 0 } = {}): Promise<void> {
  const run = tinyRun(device, { schedule: { form: 'constant' }, views: { strength: 0.1, area: [0.5, 1] }, ...settings })
  await runSteps(run, 0, 60)
  const losses = (await run.step.metrics(60)).map(({ loss }) => loss)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [first, last] = [mean(losses.slice(from, from + 10)), mean(losses.slice(-10))]
  assert.ok(last < share * first, `loss ${first} → ${last}`)
}

/** Every trained parameter gets a gradient that is finite and not zero. */
export async function checkGradients(method: Method, batch: Batch): Promise<void> {
  const { parameters } = new ModelState(method.modules)
  const found = scope(() => gradients(method.loss(batch).loss, parameters.tensors))
  for (const [i, { name }] of parameters.slots.entries()) {
    const values = await found[i]!.data()
    assert.ok(values.some(value => value !== 0) && values.every(Number.isFinite), `gradient of ${name}`)
  }
}

/** Standard normal pictures [batch, side, side, channels]. */
export function noise(batch: number, seed: number, { side = 8, channels = 1 } = {}): Tensor {
  const generator = new Generator(seed)
  const values = Float32Array.from({ length: batch * side * side * channels }, () => generator.normal())
  return tensor(values, { shape: [batch, side, side, channels] })
}

/** A network whose output is its input: what a method makes of an embedding can be worked out by hand. */
export class Unchanged extends Module implements Encoder {
  readonly weight: Tensor

  constructor(
    readonly featureDimension: number,
    device: Device,
  ) {
    super()
    const rows = Array.from({ length: featureDimension }, (_, i) =>
      Array.from({ length: featureDimension }, (_, j) => Number(i === j)),
    )
    this.weight = requireGradient(tensor(rows, { device }))
  }

  /** x of N·D elements, to [N, D]. */
  forward(x: Tensor): Tensor {
    return matmul(reshape(x, [x.size / this.featureDimension, this.featureDimension]), this.weight)
  }
}
