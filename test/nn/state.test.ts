import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { BatchNorm } from '../../src/nn/batchNorm.js'
import { Linear } from '../../src/nn/linear.js'
import { Sequential } from '../../src/nn/sequential.js'
import { ModelState } from '../../src/nn/state.js'
import { open } from '../../src/open.js'
import { Generator } from '../../src/tensor/philox.js'

describe('nn/state', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  const modules = () => {
    const options = { inputs: 3, outputs: 4, generator: new Generator(1) }
    return { encoder: new Sequential([new Linear(options), new BatchNorm({ channels: 4 })]), head: new Linear(options) }
  }

  it('packs parameters by whether they decay, and buffers apart from them', async () => {
    const made = modules()
    const before = await made.encoder.stateDict()
    const state = new ModelState(made)
    assert.deepEqual(
      state.parameters.slots.map(({ name, group }) => [name, group]),
      [
        ['encoder.layers.0.weight', 'decay'],
        ['encoder.layers.0.bias', 'noDecay'],
        ['encoder.layers.1.gamma', 'noDecay'],
        ['encoder.layers.1.beta', 'noDecay'],
        ['head.weight', 'decay'],
        ['head.bias', 'noDecay'],
      ],
    )
    assert.deepEqual(state.buffers!.names, ['encoder.layers.1.runningMean', 'encoder.layers.1.runningVariance'])
    assert.deepEqual(state.gradients.names, state.parameters.names)
    assert.equal(state.parameters.slot('head.weight'), made.head.weight)
    assert.deepEqual(await made.encoder.stateDict(), before)
  })

  it('puts everything into one group where all of it decays', () => {
    const { parameters } = new ModelState(modules(), { everythingDecays: true })
    assert.deepEqual(new Set(parameters.pages.map(({ group }) => group)), new Set(['decay']))
  })

  it('leaves frozen parameters where they are', () => {
    const made = modules()
    made.head.weight.requiresGradient = false
    assert.ok(!new ModelState(made).parameters.names.includes('head.weight'))
    for (const tensor of made.encoder.parameters()) tensor.requiresGradient = false
    made.head.bias!.requiresGradient = false
    assert.throws(() => new ModelState(made), ConfigError)
  })

  it('gives its memory back when the modules do too', () => {
    const before = device.memory().buffers
    const made = modules()
    const state = new ModelState(made)
    // Two groups of parameters, two of gradients, one of buffers.
    assert.equal(device.memory().buffers, before + 5)
    state.dispose()
    made.encoder.dispose()
    made.head.dispose()
    assert.equal(device.memory().buffers, before)
  })
})
