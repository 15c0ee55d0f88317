import assert from 'node:assert/strict'
import type { Device, Program } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { AlexNet } from '../../src/nn/alexnet.js'
import { BatchNorm } from '../../src/nn/batchNorm.js'
import { type EncoderName, type EncoderOptions, encoder, encoderNames } from '../../src/nn/encoders.js'
import { ExemplarNet } from '../../src/nn/exemplarNet.js'
import { Linear } from '../../src/nn/linear.js'
import type { Module } from '../../src/nn/module.js'
import { ModelState } from '../../src/nn/state.js'
import { open } from '../../src/open.js'
import { maxPool2d } from '../../src/ops/pool.js'
import { crossEntropy } from '../../src/ops/softmax.js'
import { AdamW } from '../../src/optim/adamw.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'

const generator = new Generator(11)

function countOf(module: Module): number {
  return module.parameters().reduce((total, { size }) => total + size, 0)
}

/** Small ones of every name, for images of 16 x 16. */
function small(name: EncoderName, device: Device) {
  const width = name.startsWith('vit') ? 16 : 4
  const options = { imageSize: 16, patchSize: 4, depth: 2, heads: 2 }
  return encoder(name, { inputChannels: 3, width, ...options, generator: generator.split('encoder'), device })
}

for (const kind of ['webgpu', 'cpu'] as const) {
  describe(`nn/encoders on ${kind}`, () => {
    let device: Device

    before(async () => {
      device = await open({ device: kind })
    })

    after(() => device.close())

    const random = (shape: number[]): Tensor => {
      const stream = generator.split('images')
      const size = shape.reduce((a, b) => a * b)
      return tensor(
        Float32Array.from({ length: size }, () => stream.normal()),
        { shape, device },
      )
    }

    for (const name of encoderNames) {
      it(`${name} gives features, learns in recorded steps, and is saved and loaded`, async () => {
        const network = small(name, device)
        const head = new Linear({ inputs: network.featureDimension, outputs: 2, generator, device })
        const state = new ModelState({ network, head })
        const optimizer = new AdamW(state.parameters, state.gradients, { weightDecay: 0 })
        const x = random([4, 16, 16, 3])
        const labels = tensor(Int32Array.of(0, 1, 1, 0), { device })
        const loss = zeros([], { device })
        const step = () =>
          scope(() => {
            const features = network.forward(x)
            assert.deepEqual(features.shape, [4, network.featureDimension])
            const value = crossEntropy(head.forward(features), labels)
            device.launch({ op: 'copyInto', from: value.slice, to: loss.slice, count: 1, accumulate: false })
            state.gradients.gatherInto(gradients(value, state.parameters.tensors))
            optimizer.step()
          })
        let program: Program | undefined
        const losses: number[] = []
        for (let i = 0; i < 12; i++) {
          optimizer.prepare({ learningRate: 0.002, step: i })
          if (program) device.replay(program)
          else program = await device.record(step)
          losses.push(await loss.item())
        }
        assert.ok(losses.at(-1)! < 0.8 * losses[0]!, `${losses}`)

        const saved = await network.stateDict()
        const other = small(name, device)
        other.loadStateDict(saved)
        const run = (module: Module) => scope(() => module.eval().forward(x)).data()
        assert.deepEqual(await run(other), await run(network))
        device.release(program!)
        for (const each of [network, head, other, state, optimizer, x, labels, loss]) each.dispose()
      }).timeout(240_000)
    }

    it('Exemplar nets are evaluated by the quarters of all their maps', async () => {
      const network = small('exemplar-medium', device) as ExemplarNet
      const x = random([2, 24, 20, 3])
      const { maps, features } = scope(() => ({ maps: network.maps(x), features: network.evaluationFeatures(x) }))
      assert.deepEqual(
        maps.map(({ shape }) => shape),
        [
          [2, 24, 20, 4],
          [2, 12, 10, 8],
          [2, 6, 5, 16],
        ],
      )
      assert.deepEqual(features.shape, [2, 4 * (4 + 8 + 16)])
      const corner = await scope(() => maxPool2d(maps[0]!, { size: [12, 10] })).data()
      assert.deepEqual((await features.data()).slice(0, 16), corner.slice(0, 16))
      network.dispose()
    })

    it('Exemplar nets drop features in training, in inference none', async () => {
      const seedState = tensor(Uint32Array.of(1, 0, 0, 0), { device })
      const dropout = { probability: 0.5, seedState, stream: 0 }
      const network = encoder('exemplar-small', { inputChannels: 1, imageSize: 8, dropout, generator, device })
      const x = random([8, 8, 8, 1])
      const zerosOf = async () => (await scope(() => network.forward(x)).data()).filter(value => value === 0).length
      const dropped = await zerosOf()
      network.eval()
      assert.ok(dropped > (await zerosOf()) + 100)
      network.dispose()
    })

    it('AlexNet is evaluated by the quarters of its last maps, on images of another size than its patches too', async () => {
      const network = new AlexNet({ inputChannels: 3, imageSize: 12, width: 12, generator, device }).eval()
      for (const [height, width] of [
        [12, 12],
        [32, 28],
      ]) {
        const features = scope(() => network.evaluationFeatures(random([2, height!, width!, 3])))
        assert.deepEqual(features.shape, [2, 4 * 32])
        const values = await features.data()
        assert.ok(values.some(value => value > 0) && values.every(value => value >= 0))
      }
      network.dispose()
    })

    it('AlexNet halves its maps as Caffe does, and normalises by the channels around or by the batch', async () => {
      const options = { inputChannels: 3, imageSize: 40, stem: 'imagenet', width: 12, generator, device } as const
      const response = new AlexNet(options)
      // 40 → 10 → 5 → 2 → 1.
      assert.equal(response.dense.weight.shape[0], 32)
      assert.equal(response.featureDimension, 512)
      const batch = new AlexNet({ ...options, normalisation: 'batch' })
      const norms = (network: AlexNet) => network.modules().filter(module => module instanceof BatchNorm)
      assert.deepEqual([norms(response).length, norms(batch).length], [4, 6])
      assert.ok(norms(response).every(({ gamma }) => gamma === undefined))
      assert.ok(norms(batch).every(({ gamma }) => gamma !== undefined))
      const features = await scope(() => response.forward(random([3, 40, 40, 3]))).data()
      assert.ok(features.some(value => value > 0) && features.every(value => value >= 0))
      assert.throws(() => response.forward(random([1, 48, 48, 3])), ShapeError)
      for (const each of [response, batch]) each.dispose()
    })
  })
}

describe('nn/encoders', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'cpu' })
  })

  after(() => device.close())

  it('have as many parameters as published', () => {
    const exemplar = (size: 'small' | 'medium' | 'large') => {
      const options = { size, inputChannels: 3, imageSize: 16, initialisation: 'pytorch' } as const
      const network = new ExemplarNet({ ...options, generator, device })
      const count = countOf(network)
      network.dispose()
      return count
    }
    const layer = (inputs: number, outputs: number) => 25 * inputs * outputs + outputs
    const dense = (inputs: number, outputs: number) => inputs * outputs + outputs
    assert.equal(exemplar('small'), layer(3, 64) + layer(64, 64) + dense(4 * 4 * 64, 128))
    assert.equal(exemplar('medium'), layer(3, 64) + layer(64, 128) + layer(128, 256) + dense(4 * 4 * 256, 512))
    assert.equal(exemplar('large'), layer(3, 92) + layer(92, 256) + layer(256, 512) + dense(4 * 4 * 512, 1024))
    const options = { inputChannels: 3, imageSize: 96, stem: 'imagenet', initialisation: 'pytorch' } as const
    const tower = new AlexNet({ ...options, generator, device })
    // CaffeNet's weights, without its groups; biases only where no batch norm follows.
    const filters = 121 * 3 * 96 + 25 * 96 * 256 + 9 * (256 * 384 + 384 * 384 + 384 * 256)
    assert.equal(countOf(tower), filters + 96 + 256 + 3 * 3 * 256 * 4096)
    assert.equal(tower.featureDimension, 4096)
    tower.dispose()
  })

  it('say which option is missing, and which names there are', () => {
    const options: EncoderOptions = { inputChannels: 1, generator, device }
    assert.throws(
      () => encoder('resnet9' as EncoderName, options),
      /ConfigError: encoder: wants one of resnet8, .*got resnet9/,
    )
    assert.throws(() => encoder('vit-tiny', options), /encoder vit-tiny: wants imageSize/)
    assert.throws(() => encoder('vit-tiny', { ...options, imageSize: 32 }), /encoder vit-tiny: wants patchSize/)
    assert.throws(() => encoder('alexnet', options), ConfigError)
    assert.throws(() => encoder('exemplar-small', options), ConfigError)
  })
})
