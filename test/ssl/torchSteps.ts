/** Steps of a method beside those that PyTorch took from the same weights, on the same views. */
import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { MLP } from '../../src/nn/mlp.js'
import { ModelState } from '../../src/nn/state.js'
import { reshape } from '../../src/ops/shape.js'
import { SGD } from '../../src/optim/sgd.js'
import type { Encoder, Method } from '../../src/ssl/method.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import type { Array64 } from '../reference/array.js'
import { batchOf } from './batch.js'

type Model = Readonly<Record<string, Array64>>

/** An encoder of views that are twelve numbers an image, in whatever shape. */
export class Rows extends MLP implements Encoder {
  readonly featureDimension = 7

  constructor(seed: number, device: Device) {
    super({ widths: [12, 9, 7], generator: new Generator(seed), device })
  }

  override forward(x: Tensor): Tensor {
    return super.forward(reshape(x, [x.shape[0]!, 12]))
  }
}

const ourName = (name: string) =>
  name
    .replace('norm.weight', 'norm.gamma')
    .replace('norm.bias', 'norm.beta')
    .replace('running_mean', 'runningMean')
    .replace('running_var', 'runningVariance')
    .replace('last.weight', 'last.directions')

/** PyTorch's linear weights are [out, in], as our directions are, but not our weights. */
function ourValues(name: string, { shape, data }: Array64): Float32Array {
  const [outputs, inputs] = shape
  if (inputs === undefined || name.endsWith('directions')) return Float32Array.from(data)
  return Float32Array.from(data, (_, i) => data[(i % outputs!) * inputs + Math.floor(i / outputs!)]!)
}

interface Trajectory {
  readonly settings: { readonly learningRate: number; readonly weightDecay: number }
  readonly views: readonly Array64[]
  readonly initial: Model
  readonly losses: readonly number[]
}

/**
 * Steps of SGD without momentum; the losses must be PyTorch's. The method has one group of its own.
 *
 * @param after looks at what each step has left behind
 * @returns all tensors of the model and the method, by name
 */
export async function takeSteps(
  method: Method,
  { settings, views, initial, losses }: Trajectory,
  after: (step: number) => Promise<void> = async () => {},
): Promise<ReadonlyMap<string, Tensor>> {
  const { prefix, learningRate } = method.groups[0]!
  const model = new ModelState(method.modules, { everythingDecays: true, prefixes: [prefix] })
  const { device } = model.parameters
  const trained = [...model.parameters.slots, ...model.buffers!.slots].map(
    ({ name, tensor }) => [name, tensor] as const,
  )
  assert.equal(trained.length, Object.keys(initial).length)
  for (const [name, tensor] of trained) {
    const [, values] = Object.entries(initial).find(([theirs]) => ourName(theirs) === name)!
    tensor.write(ourValues(name, values))
  }
  method.attach(model)
  const { weightDecay } = settings
  const groups = { [`${prefix}/decay`]: { learningRate: learningRate! } }
  const optimizer = new SGD(model.parameters, model.gradients, { momentum: 0, weightDecay, groups })
  // Large and small views differ in shape, so that batch norm takes them apart.
  const batch = batchOf(
    ...views.map(({ data }, i) => tensor(Float32Array.from(data), { shape: i < 2 ? [6, 12] : [6, 3, 4], device })),
  )
  for (const [step, wanted] of losses.entries()) {
    optimizer.prepare({ learningRate: settings.learningRate, step })
    method.prepare(step)
    const loss = scope(() => {
      const { loss } = method.loss(batch)
      model.gradients.gatherInto(gradients(loss, model.parameters.tensors))
      optimizer.step()
      method.afterStep()
      return loss
    })
    const found = await loss.item()
    assert.ok(Math.abs(found - wanted) < 1e-5, `loss before step ${step}: ${found}, wanted ${wanted}`)
    await after(step)
  }
  return new Map([...trained, ...method.state()])
}

/** What PyTorch ended with must be among ours, under `prefix`. */
export async function checkTensors(ours: ReadonlyMap<string, Tensor>, theirs: Model, prefix = ''): Promise<void> {
  for (const [theirName, values] of Object.entries(theirs)) {
    const name = ourName(theirName)
    const [actual, wanted] = [await ours.get(prefix + name)!.data(), ourValues(name, values)]
    const error = Math.hypot(...wanted.map((value, i) => value - actual[i]!))
    assert.ok(error <= 2e-5 * Math.hypot(...wanted) + 1e-6, `${prefix}${name}: off by ${error}`)
  }
}
