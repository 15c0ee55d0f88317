import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { LateFusion } from '../../src/nn/lateFusion.js'
import { open } from '../../src/open.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'

const generator = new Generator(4)

describe('nn/lateFusion', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  const sizes = { parts: 3, inputs: 4, each: 5, joint: [6, 7], outputs: 2 }

  it('is a layer for each part, their results side by side, and layers on that', async () => {
    const head = new LateFusion({ ...sizes, generator, device })
    const random = new Generator(5)
    const rows = Array.from({ length: 6 }, () => Array.from({ length: 4 }, () => random.normal()))
    const state = await head.stateDict()
    const layer = (name: string, x: readonly number[][]): number[][] => {
      const { data: weight, shape } = state.get(`${name}.linear.weight`)!
      const bias = state.get(`${name}.linear.bias`)?.data
      const outputs = shape[1]!
      return x.map(row =>
        Array.from({ length: outputs }, (_, o) =>
          row.reduce((sum, value, i) => sum + value * weight[i * outputs + o]!, bias?.[o] ?? 0),
        ),
      )
    }
    const normed = (x: readonly number[][]): number[][] => {
      const of = (column: number) => x.map(row => row[column]!)
      const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length
      return x.map(row =>
        row.map((value, column) => {
          const m = mean(of(column))
          return (value - m) / Math.sqrt(mean(of(column).map(other => (other - m) ** 2)) + 1e-5)
        }),
      )
    }
    const relu = (x: readonly number[][]) => x.map(row => row.map(value => Math.max(0, value)))
    // All of a part's images are normalised together with all others': it is one tower.
    const each = relu(normed(layer('each', rows)))
    const together = [0, 1].map(image => [0, 1, 2].flatMap(part => each[2 * part + image]!))
    const first = relu(normed(layer('first', together)))
    const wanted = layer('rest.layers.1', relu(layer('rest.layers.0', first))).flat()
    const got = await head.forward(tensor(rows, { device })).data()
    assert.equal(got.length, 4)
    got.forEach((value, i) => {
      assert.ok(Math.abs(value - wanted[i]!) < 1e-4, `${[...got]}, not ${wanted}`)
    })
  })

  it('has norms without scale and shift on the part and the first joint layer, and nowhere else', () => {
    const names = new LateFusion({ ...sizes, generator, device }).namedParameters().map(([name]) => name)
    assert.deepEqual(names, [
      'each.linear.weight',
      'first.linear.weight',
      'rest.layers.0.linear.weight',
      'rest.layers.0.linear.bias',
      'rest.layers.1.linear.weight',
      'rest.layers.1.linear.bias',
    ])
  })

  it('puts the features themselves side by side where there is no layer for a part', () => {
    const head = new LateFusion({ ...sizes, each: 0, generator, device })
    assert.deepEqual(head.first.linear.weight.shape, [3 * 4, 6])
    assert.ok(!head.namedParameters().some(([name]) => name.startsWith('each')))
    assert.deepEqual(head.forward(tensor(new Float32Array(24), { shape: [6, 4], device })).shape, [2, 2])
  })

  it('wants a joint layer, and as many rows as the parts divide', () => {
    assert.throws(() => new LateFusion({ ...sizes, joint: [], generator, device }), ConfigError)
    const head = new LateFusion({ ...sizes, generator, device })
    assert.throws(() => head.forward(tensor(new Float32Array(16), { shape: [4, 4], device })), ShapeError)
  })
})
