import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { BatchNorm } from '../../src/nn/batchNorm.js'
import { Conv2d } from '../../src/nn/conv2d.js'
import { Dropout } from '../../src/nn/dropout.js'
import { LayerNorm } from '../../src/nn/layerNorm.js'
import { MLP } from '../../src/nn/mlp.js'
import { open } from '../../src/open.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'

const generator = new Generator(2)

describe('nn/layers', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  const random = (shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b)
    return tensor(
      Float32Array.from({ length: size }, () => 3 + 2 * generator.normal()),
      { shape, device },
    )
  }

  /** Mean and biased variance of each column of [rows, columns]. */
  async function columnsOf(x: Tensor): Promise<{ mean: number; variance: number }[]> {
    const data = await x.data()
    const [rows, columns] = x.shape as [number, number]
    return Array.from({ length: columns }, (_, c) => {
      const column = Array.from({ length: rows }, (_, r) => data[r * columns + c]!)
      const mean = column.reduce((a, b) => a + b) / rows
      return { mean, variance: column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows }
    })
  }

  it('an MLP without norms is linear layers with ReLU between', async () => {
    const mlp = new MLP({ widths: [3, 4, 2], hiddenNorm: false, generator, initialisation: 'pytorch' })
    const x = random([5, 3])
    const y = await mlp.forward(x).data()
    const state = await mlp.stateDict()
    const at = (name: string) => state.get(name)!.data
    const data = await x.data()
    for (let row = 0; row < 5; row++) {
      const hidden = [0, 1, 2, 3].map(h => {
        const sum = [0, 1, 2].reduce(
          (total, i) => total + data[row * 3 + i]! * at('layers.0.linear.weight')[i * 4 + h]!,
          0,
        )
        return Math.max(sum + at('layers.0.linear.bias')[h]!, 0)
      })
      for (const o of [0, 1]) {
        const sum = hidden.reduce((total, value, h) => total + value * at('layers.1.linear.weight')[h * 2 + o]!, 0)
        const wanted = sum + at('layers.1.linear.bias')[o]!
        assert.ok(Math.abs(y[row * 2 + o]! - wanted) < 1e-5, `row ${row}: ${y[row * 2 + o]}, wanted ${wanted}`)
      }
    }
  })

  it('an MLP has biases only where no norm follows', () => {
    const namesOf = (mlp: MLP) => mlp.namedParameters().map(([name]) => name.replace('layers.', ''))
    const hidden = ['0.linear.weight', '0.norm.gamma', '0.norm.beta']
    const options = { widths: [3, 4, 2], generator }
    assert.deepEqual(namesOf(new MLP(options)), [...hidden, '1.linear.weight', '1.linear.bias'])
    assert.deepEqual(namesOf(new MLP({ ...options, outputNorm: 'scale' })), [
      ...hidden,
      '1.linear.weight',
      '1.norm.gamma',
    ])
    assert.deepEqual(namesOf(new MLP({ ...options, outputNorm: 'none' })), [...hidden, '1.linear.weight'])
    assert.throws(() => new MLP({ ...options, widths: [3] }), ConfigError)
  })

  it('a norm at the end of an MLP leaves mean 0 and variance 1, negative values too', async () => {
    const mlp = new MLP({ widths: [3, 8, 2], outputNorm: 'none', generator })
    for (const { mean, variance } of await columnsOf(mlp.forward(random([64, 3])))) {
      assert.ok(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-3, `${mean}, ${variance}`)
    }
  })

  it('batch norm counts statistics in mode update alone', async () => {
    const norm = new BatchNorm({ channels: 3, momentum: 0.25 })
    const x = random([50, 3])
    const columns = await columnsOf(x)
    norm.mode = 'frozen'
    norm.forward(x)
    assert.deepEqual(await norm.runningMean.data(), new Float32Array(3))
    norm.train().forward(x)
    const [mean, variance] = await Promise.all([norm.runningMean.data(), norm.runningVariance.data()])
    columns.forEach((column, c) => {
      assert.ok(Math.abs(mean[c]! - 0.25 * column.mean) < 1e-5)
      assert.ok(Math.abs(variance[c]! - (0.75 + (0.25 * column.variance * 50) / 49)) < 1e-4)
    })
    const y = await norm.eval().forward(x).data()
    const first = (await x.data())[0]!
    assert.ok(Math.abs(y[0]! - (first - mean[0]!) / Math.sqrt(variance[0]! + 1e-5)) < 1e-5)
    assert.deepEqual(await norm.runningMean.data(), mean)
  })

  it('layer norm normalises rows, then scales and shifts', async () => {
    const norm = new LayerNorm({ channels: 4 })
    norm.gamma.write(new Float32Array(4).fill(2))
    norm.beta.write(Float32Array.of(0, 10, 20, 30))
    const x = random([3, 4])
    const [data, y] = await Promise.all([x.data(), norm.forward(x).data()])
    for (let row = 0; row < 3; row++) {
      const values = Array.from(data.slice(4 * row, 4 * row + 4))
      const mean = values.reduce((a, b) => a + b) / 4
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4 + 1e-5)
      values.forEach((value, i) => {
        assert.ok(Math.abs(y[4 * row + i]! - (10 * i + (2 * (value - mean)) / deviation)) < 1e-4)
      })
    }
  })

  it('dropout draws in training and passes in inference, and has no tensors of its own', async () => {
    const seedState = tensor(Uint32Array.of(1, 0, 5, 0), { device })
    const layer = new Dropout({ probability: 0.25, seedState, stream: 2 })
    const x = tensor(new Float32Array(1000).fill(3), { device })
    const y = Array.from(await layer.forward(x).data())
    const dropped = y.filter(value => value === 0).length
    assert.ok(dropped > 180 && dropped < 320, `${dropped} of 1000`)
    assert.ok(y.every(value => value === 0 || Math.abs(value - 4) < 1e-6))
    assert.equal(layer.eval().forward(x), x)
    assert.deepEqual(layer.namedParameters(), [])
  })

  it('a convolution adds its bias and passes its options on', async () => {
    const options = { inputs: 4, outputs: 6, size: 3, stride: 2, padding: 2, dilation: 2, groups: 2, bias: true }
    const layer = new Conv2d({ ...options, generator })
    assert.deepEqual(layer.filter.shape, [3, 3, 2, 6])
    layer.bias!.write(Float32Array.from({ length: 6 }, (_, i) => i))
    layer.filter.write(new Float32Array(layer.filter.size))
    const y = layer.forward(random([1, 7, 7, 4]))
    assert.deepEqual(y.shape, [1, 4, 4, 6])
    assert.deepEqual(
      await y.data(),
      Float32Array.from({ length: 96 }, (_, i) => i % 6),
    )
    assert.throws(() => new Conv2d({ ...options, groups: 4, generator }), ConfigError)
  })
})
