import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { BasicBlock, Bottleneck } from '../../src/nn/blocks.js'
import { type EncoderName, encoder } from '../../src/nn/encoders.js'
import { ResNet, type ResNetOptions } from '../../src/nn/resnet.js'
import { open } from '../../src/open.js'
import { relu } from '../../src/ops/elementwise.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { noGrad } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'

const generator = new Generator(4)

describe('nn/resnet', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  const random = (shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b)
    return tensor(
      Float32Array.from({ length: size }, () => generator.normal()),
      { shape, device },
    )
  }

  type Name = Extract<EncoderName, `resnet${string}`>

  function count(name: Name, options: Omit<ResNetOptions, 'depth' | 'generator'>): number {
    const network = encoder(name, { ...options, generator, initialisation: 'pytorch' })
    const total = network.parameters().reduce((sum, { size }) => sum + size, 0)
    network.dispose()
    return total
  }

  it('has as many parameters as the PyTorch networks of that name', () => {
    assert.equal(count('resnet8', { inputChannels: 1 }), 306_784)
    // torchvision's 11,689,512 and 25,557,032 without their last layers.
    assert.equal(count('resnet18', { inputChannels: 3, stem: 'imagenet' }), 11_176_512)
    assert.equal(count('resnet50', { inputChannels: 3, stem: 'imagenet' }), 23_508_032)
  }).timeout(120_000)

  it('halves the size of its maps and doubles its channels from stage to stage', () => {
    const expected = {
      resnet8: { channels: [4, 8, 16], sizes: [9, 5, 3] },
      resnet34: { channels: [4, 8, 16, 32], sizes: [9, 5, 3, 2] },
      resnet50: { channels: [16, 32, 64, 128], sizes: [9, 5, 3, 2] },
    }
    for (const [name, { channels, sizes }] of Object.entries(expected)) {
      const network = encoder(name as Name, { inputChannels: 2, width: 4, generator })
      let x = network.stem.forward(random([1, 9, 9, 2]))
      network.stages.forEach((stage, i) => {
        for (const block of stage) x = noGrad(() => block.forward(x))
        assert.deepEqual(x.shape, [1, sizes[i], sizes[i], channels[i]], name)
      })
      assert.equal(network.featureDimension, channels.at(-1))
    }
  })

  it('normalises within its convolutions where it is done with learning, with the same features', async () => {
    const network = encoder('resnet8', { inputChannels: 3, width: 8, generator }).train()
    noGrad(() => network.forward(random([4, 9, 9, 3]))).dispose()
    network.eval()
    const x = random([2, 9, 9, 3])
    const ops: string[] = []
    const launch = device.launch
    device.launch = each => {
      ops.push(each.op)
      launch.call(device, each)
    }
    try {
      const [fused, apart] = [await noGrad(() => network.forward(x)).data(), await network.forward(x).data()]
      // The stem, two convolutions a block, and two shortcuts.
      assert.equal(ops.filter(op => op === 'conv2dBatchNorm').length, 9)
      assert.equal(ops.filter(op => op === 'batchNorm').length, 9)
      fused.forEach((value, i) => {
        assert.ok(Math.abs(value - apart[i]!) <= 1e-5, `${value}, ${apart[i]}`)
      })
    } finally {
      device.launch = launch
      network.dispose()
    }
  })

  it('gives features, also behind the ImageNet stem', async () => {
    for (const stem of ['cifar', 'imagenet'] as const) {
      const network = new ResNet({ depth: 18, stem, inputChannels: 3, width: 2, generator }).eval()
      const x = random([3, 33, 31, 3])
      const all = await network.forward(x).data()
      assert.deepEqual(network.forward(x).shape, [3, 16])
      // Without batch statistics an image's features are its own.
      const second = tensor((await x.data()).slice(33 * 31 * 3, 2 * 33 * 31 * 3), { shape: [1, 33, 31, 3], device })
      const alone = await network.forward(second).data()
      alone.forEach((value, i) => {
        assert.ok(Math.abs(value - all[16 + i]!) < 1e-5 * (1 + Math.abs(value)))
      })
      assert.ok(alone.some(value => value > 0.01))
    }
  })

  it('begins with blocks that are the identity, where asked for', async () => {
    const x = random([2, 5, 5, 8])
    const rectified = await relu(x).data()
    const options = { inputs: 8, stride: 1, generator, zeroInitResidual: true }
    const basic = new BasicBlock({ ...options, width: 8 })
    const bottleneck = new Bottleneck({ ...options, width: 2 })
    for (const block of [basic, bottleneck]) {
      assert.equal(block.shortcut, undefined)
      assert.deepEqual(await block.forward(x).data(), rectified)
    }
    const wider = new Bottleneck({ ...options, width: 4 })
    assert.deepEqual(await wider.forward(x).data(), await relu(wider.shortcut!.forward(x)).data())
    const plain = new BasicBlock({ ...options, width: 8, zeroInitResidual: false })
    assert.notDeepEqual(await plain.forward(x).data(), rectified)
  })

  it('strides in the 3x3 of a bottleneck', () => {
    const block = new Bottleneck({ inputs: 8, width: 2, stride: 2, generator })
    const strides = [block.first, block.second, block.third, block.shortcut!].map(
      ({ convolution }) => convolution.stride,
    )
    assert.deepEqual(strides, [1, 2, 1, 2])
  })

  it('names every tensor by its place, and draws each from its name', async () => {
    const make = (depth: 8 | 18) => new ResNet({ depth, inputChannels: 1, width: 2, generator })
    const state = await make(8).stateDict()
    assert.deepEqual(
      [...state.keys()].filter(name => name.endsWith('filter')),
      [
        'stem.convolution.filter',
        'stages.0.0.first.convolution.filter',
        'stages.0.0.second.convolution.filter',
        'stages.1.0.first.convolution.filter',
        'stages.1.0.second.convolution.filter',
        'stages.1.0.shortcut.convolution.filter',
        'stages.2.0.first.convolution.filter',
        'stages.2.0.second.convolution.filter',
        'stages.2.0.shortcut.convolution.filter',
      ],
    )
    const deeper = await make(18).stateDict()
    const name = 'stages.1.0.shortcut.convolution.filter'
    assert.deepEqual(deeper.get(name), state.get(name))
  })
})
