import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ShapeError } from '../../src/device/errors.js'
import { Conv2d } from '../../src/nn/conv2d.js'
import {
  fansOf,
  kaimingNormal,
  kaimingUniform,
  truncatedNormal,
  xavierNormal,
  xavierUniform,
} from '../../src/nn/initialise.js'
import { Linear } from '../../src/nn/linear.js'
import { open } from '../../src/open.js'
import { Generator } from '../../src/tensor/philox.js'

const moments = (values: ArrayLike<number>) => {
  const list = Array.from(values)
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length
  const deviation = Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length)
  return { mean, deviation, largest: Math.max(...list.map(Math.abs)) }
}

/** `count` draws of a distribution estimate its deviation to about 1/√count. */
function assertDeviation(values: Float32Array, expected: number): void {
  const { mean, deviation } = moments(values)
  const slack = 4 / Math.sqrt(values.length)
  assert.ok(Math.abs(mean) < slack * expected, `mean ${mean}`)
  assert.ok(Math.abs(deviation / expected - 1) < slack, `deviation ${deviation}, wanted ${expected}`)
}

describe('nn/initialise', () => {
  const generator = new Generator(3)
  const shape = [3, 3, 16, 24]

  it('counts fans', () => {
    assert.deepEqual(fansOf(shape), { in: 144, out: 216 })
    assert.deepEqual(fansOf([5, 7]), { in: 5, out: 7 })
    assert.throws(() => fansOf([5]), ShapeError)
  })

  it('has the deviations of the papers', () => {
    assertDeviation(kaimingNormal(shape, generator, { fan: 'out' }), Math.sqrt(2 / 216))
    assertDeviation(kaimingNormal(shape, generator, { fan: 'in', gain: 1 }), Math.sqrt(1 / 144))
    assertDeviation(kaimingUniform(shape, generator, { fan: 'in' }), Math.sqrt(2 / 144))
    assertDeviation(xavierNormal(shape, generator), Math.sqrt(2 / 360))
    assertDeviation(xavierUniform(shape, generator), Math.sqrt(2 / 360))
    const { largest } = moments(xavierUniform(shape, generator))
    assert.ok(largest <= Math.sqrt(6 / 360) && largest > 0.99 * Math.sqrt(6 / 360))
  })

  it('draws again what a truncated distribution cuts off', () => {
    const values = truncatedNormal([100, 100], generator, 1, 1.5)
    const { mean, deviation, largest } = moments(values)
    assert.ok(largest <= 1.5 && largest > 1.49, `${largest}`)
    // Of N(0, 1) cut at ±1.5 the deviation is 0.7426.
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(deviation - 0.7426) < 0.02, `${mean}, ${deviation}`)
    assertDeviation(truncatedNormal([100, 100], generator, 0.02), 0.02)
  })

  describe('in layers', () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it("draws PyTorch's default from U(±1/√fan-in), biases too", async () => {
      const options = { inputs: 8, outputs: 50, generator, initialisation: 'pytorch' } as const
      const linear = new Linear(options)
      const convolution = new Conv2d({ ...options, size: 3, groups: 2, bias: true })
      const bounds = [
        [linear.weight, 1 / Math.sqrt(8)],
        [linear.bias!, 1 / Math.sqrt(8)],
        [convolution.filter, 1 / 6],
        [convolution.bias!, 1 / 6],
      ] as const
      for (const [tensor, bound] of bounds) {
        const { largest, deviation } = moments(await tensor.data())
        assert.ok(largest <= bound && largest > 0.85 * bound, `${largest} of ${bound}`)
        assert.ok(Math.abs(deviation / (bound / Math.sqrt(3)) - 1) < 0.3)
      }
    })

    it('draws He weights and zero biases by default', async () => {
      const linear = new Linear({ inputs: 40, outputs: 50, generator })
      assertDeviation((await linear.weight.data()) as Float32Array, Math.sqrt(2 / 40))
      assert.deepEqual(await linear.bias!.data(), new Float32Array(50))
    })

    it("draws Glorot's and truncated weights where asked for, and zero biases", async () => {
      const deviations = { xavier: Math.sqrt(2 / 90), truncated: 0.02 } as const
      for (const [initialisation, deviation] of Object.entries(deviations)) {
        const options = {
          inputs: 40,
          outputs: 50,
          generator,
          initialisation: initialisation as keyof typeof deviations,
        }
        const linear = new Linear(options)
        assertDeviation((await linear.weight.data()) as Float32Array, deviation)
        assert.deepEqual(await linear.bias!.data(), new Float32Array(50))
        const convolution = new Conv2d({ ...options, size: 1, bias: true })
        assertDeviation((await convolution.filter.data()) as Float32Array, deviation)
        assert.deepEqual(await convolution.bias!.data(), new Float32Array(50))
      }
    })

    it('depends on the seed and the name alone', async () => {
      const options = { inputs: 4, outputs: 4 }
      const used = new Generator(3)
      used.uniform()
      const [a, b, other] = await Promise.all(
        [used.split('a'), generator.split('a'), generator.split('b')].map(stream =>
          new Linear({ ...options, generator: stream }).weight.data(),
        ),
      )
      assert.deepEqual(a, b)
      assert.notDeepEqual(a, other)
    })
  })
})
