import assert from 'node:assert/strict'
import type { Device, Program } from '../../src/device/device.js'
import { Linear } from '../../src/nn/linear.js'
import { Module } from '../../src/nn/module.js'
import { ResNet } from '../../src/nn/resnet.js'
import { ModelState } from '../../src/nn/state.js'
import { open } from '../../src/open.js'
import { crossEntropy } from '../../src/ops/softmax.js'
import { SGD } from '../../src/optim/sgd.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { loadTrajectory } from '../fixtures/load.js'
import { type Array64, array } from '../reference/array.js'

const generator = new Generator(0)

class Classifier extends Module {
  readonly encoder = new ResNet({ depth: 8, inputChannels: 3, width: 4, generator })
  readonly head = new Linear({ inputs: 16, outputs: 10, generator })

  forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x))
  }
}

/** PyTorch's names of the network in `make_fixtures.py`, as ours: blocks 3, 4, 5 of its Sequential are our stages. */
function ourName(name: string): string {
  return name
    .replace(/^encoder\.0\.weight/, 'encoder.stem.convolution.filter')
    .replace(/^encoder\.1/, 'encoder.stem.norm')
    .replace(/^encoder\.([345])\./, (_, block) => `encoder.stages.${Number(block) - 3}.0.`)
    .replace(/\.c1\.weight/, '.first.convolution.filter')
    .replace(/\.c2\.weight/, '.second.convolution.filter')
    .replace('.b1.', '.first.norm.')
    .replace('.b2.', '.second.norm.')
    .replace('.skip.0.weight', '.shortcut.convolution.filter')
    .replace('.skip.1.', '.shortcut.norm.')
    .replace('norm.weight', 'norm.gamma')
    .replace('norm.bias', 'norm.beta')
    .replace('running_mean', 'runningMean')
    .replace('running_var', 'runningVariance')
}

/** PyTorch's values under our names; a linear weight [out, in] becomes [in, out]. */
function ours(model: Record<string, Array64>): Map<string, Array64> {
  return new Map(
    Object.entries(model).map(([name, values]) => [
      ourName(name),
      name === 'head.weight' ? transposed(values) : values,
    ]),
  )
}

function transposed({ shape, data }: Array64): Array64 {
  const [rows, columns] = shape as [number, number]
  return array(
    [columns, rows],
    Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  )
}

describe('modules and SGD against ten steps of PyTorch', () => {
  const { settings, images, labels, initial, losses, afterFirst, final } = loadTrajectory()
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  /** Norm-wise, against a float64 run; PyTorch's own float32 run ends within 2e-6 of it. */
  async function assertNear(model: Module, expected: Map<string, Array64>, relative: number): Promise<void> {
    for (const [name, { data }] of await model.stateDict()) {
      const wanted = expected.get(name)!.data
      const error = Math.hypot(...wanted.map((value, i) => value - data[i]!))
      assert.ok(error <= relative * Math.hypot(...wanted) + 1e-7, `${name}: off by ${error}`)
    }
  }

  it('has its losses, weights and running statistics, in a recorded step with everything decayed', async () => {
    const model = new Classifier()
    const state = new ModelState({ model }, { everythingDecays: true })
    const loaded = [...ours(initial)].map(([name, { shape, data }]) => {
      return [name, { shape, dtype: 'float32', data: Float32Array.from(data) }] as const
    })
    model.loadStateDict(new Map(loaded))
    const { momentum, weightDecay, learningRate } = settings
    const optimizer = new SGD(state.parameters, state.gradients, { momentum, weightDecay })
    const x = tensor(Float32Array.from(images.data), { shape: images.shape, device })
    const y = tensor(Int32Array.from(labels.data), { shape: labels.shape, device })
    const loss = zeros([], { device })
    const launches = () =>
      scope(() => {
        const value = crossEntropy(model.forward(x), y)
        device.launch({ op: 'copyInto', from: value.slice, to: loss.slice, count: 1, accumulate: false })
        state.gradients.gatherInto(gradients(value, state.parameters.tensors))
        optimizer.step()
      })
    let program: Program | undefined
    for (const [step, expected] of losses.entries()) {
      optimizer.prepare({ learningRate, step })
      if (program) device.replay(program)
      else program = await device.record(launches)
      const actual = await loss.item()
      assert.ok(Math.abs(actual - expected) <= 1e-5 * expected, `loss of step ${step}: ${actual}, wanted ${expected}`)
      if (step === 0) await assertNear(model, ours(afterFirst), 1e-5)
    }
    await assertNear(model, ours(final), 3e-5)
  })
})
