import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DataError } from '../../src/device/errors.js'
import { BatchNorm } from '../../src/nn/batchNorm.js'
import { Linear } from '../../src/nn/linear.js'
import { Module, namedTensors } from '../../src/nn/module.js'
import { Sequential } from '../../src/nn/sequential.js'
import { open } from '../../src/open.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'

const generator = new Generator(1)

class Network extends Module {
  readonly body = new Sequential([new Linear({ inputs: 3, outputs: 4, generator }), new BatchNorm({ channels: 4 })])
  readonly heads = [[new Linear({ inputs: 4, outputs: 2, bias: false, generator: generator.split('head') })]]

  forward(x: Tensor): Tensor {
    return this.heads[0]![0]!.forward(this.body.forward(x))
  }
}

describe('nn/module', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  it('names tensors by their paths, in the order of the properties', () => {
    const network = scope(() => new Network())
    assert.deepEqual(
      network.namedParameters().map(([name, { shape }]) => [name, shape]),
      [
        ['body.layers.0.weight', [3, 4]],
        ['body.layers.0.bias', [4]],
        ['body.layers.1.gamma', [4]],
        ['body.layers.1.beta', [4]],
        ['heads.0.0.weight', [4, 2]],
      ],
    )
    assert.deepEqual(
      network.namedBuffers().map(([name]) => name),
      ['body.layers.1.runningMean', 'body.layers.1.runningVariance'],
    )
    assert.deepEqual(namedTensors({ a: network }, 'namedBuffers')[0]![0], 'a.body.layers.1.runningMean')
    assert.ok(network.parameters().every(tensor => tensor.requiresGradient && !tensor.disposed))
    assert.ok(network.namedBuffers().every(([, tensor]) => !tensor.requiresGradient && !tensor.disposed))
  })

  it('sets the mode of the whole tree', () => {
    const network = new Network()
    const norm = network.body.layers[1]!
    assert.equal(norm.mode, 'update')
    network.eval()
    assert.equal(norm.mode, 'inference')
    network.mode = 'frozen'
    assert.equal(norm.mode, 'frozen')
    assert.equal(network.train(), network)
    assert.equal(norm.mode, 'update')
  })

  it('loads what another one saved', async () => {
    const first = new Network()
    for (const [, tensor] of [...first.namedParameters(), ...first.namedBuffers()]) {
      tensor.write(Float32Array.from({ length: tensor.size }, (_, i) => i + tensor.size / 7))
    }
    const state = await first.stateDict()
    const second = new Network()
    second.loadStateDict(state)
    assert.deepEqual(await second.stateDict(), state)
    const kept = (await second.stateDict()).get('body.layers.1.runningMean')!
    assert.deepEqual(kept, {
      shape: [4],
      dtype: 'float32',
      data: Float32Array.from([0, 1, 2, 3], i => i + Math.fround(4 / 7)),
    })
  })

  it('lists everything that is wrong with a state and loads nothing of it', async () => {
    const network = new Network()
    const before = await network.stateDict()
    const state = new Map(
      [...before].map(([name, entry]) => [name, { ...entry, data: new Float32Array(entry.data.length).fill(9) }]),
    )
    const weight = state.get('heads.0.0.weight')!
    state.delete('body.layers.0.bias')
    state.set('extra', weight)
    state.set('heads.0.0.weight', { ...weight, shape: [2, 4] })
    assert.throws(
      () => network.loadStateDict(state),
      (error: Error) =>
        error instanceof DataError &&
        error.message ===
          'loadStateDict: missing body.layers.0.bias; unexpected extra; ' +
            'heads.0.0.weight wants float32 [4,2], got float32 [2,4]; nothing was loaded',
    )
    assert.deepEqual(await network.stateDict(), before)
    state.set('heads.0.0.weight', { ...weight, data: new Float32Array(7) })
    assert.throws(() => network.loadStateDict(state, { strict: false }), /wants 8 elements in a Float32Array, got 7/)
    state.set('heads.0.0.weight', weight)
    network.loadStateDict(state, { strict: false })
    const after = await network.stateDict()
    assert.deepEqual(after.get('heads.0.0.weight')!.data, new Float32Array(8).fill(9))
    assert.deepEqual(after.get('body.layers.0.bias'), before.get('body.layers.0.bias'))
  })

  it('gives its memory back', () => {
    const before = device.memory().buffers
    const network = new Network()
    assert.equal(device.memory().buffers, before + 7)
    network.dispose()
    assert.equal(device.memory().buffers, before)
  })

  it('refuses a module that is used twice: its names would be two', () => {
    const linear = new Linear({ inputs: 2, outputs: 2, generator })
    assert.throws(() => new Sequential([linear, linear]).parameters(), ConfigError)
  })
})
