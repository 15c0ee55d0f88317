import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { encoder } from '../../src/nn/encoders.js'
import { patchesOf } from '../../src/nn/patches.js'
import { resizePositions, sinCosPositions } from '../../src/nn/positions.js'
import { ModelState } from '../../src/nn/state.js'
import { VisionTransformer, type VisionTransformerOptions } from '../../src/nn/vit.js'
import { WeightNormLinear } from '../../src/nn/weightNormLinear.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

for (const { name, open } of devices) {
  describe(`nn/vit on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const generator = new Generator(7)
    const random = (shape: number[]): Tensor => {
      const size = shape.reduce((a, b) => a * b)
      return tensor(
        Float32Array.from({ length: size }, () => generator.normal()),
        { shape, device },
      )
    }
    const small = (options: Partial<VisionTransformerOptions> = {}) =>
      new VisionTransformer({
        inputChannels: 3,
        imageSize: 8,
        patchSize: 2,
        width: 8,
        depth: 2,
        heads: 2,
        generator: generator.split('vit'),
        device,
        ...options,
      })

    const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5) => {
      const error = Math.max(...Array.from(expected, (value, i) => Math.abs(value - actual[i]!)))
      assert.ok(error <= tolerance, `off by ${error}`)
    }

    it('cuts images into patches, row by row', async () => {
      const images = tensor(
        Float32Array.from({ length: 2 * 4 * 6 * 1 }, (_, i) => i),
        { shape: [2, 4, 6, 1], device },
      )
      const patches = scope(() => patchesOf(images, 2))
      assert.deepEqual(patches.shape, [2, 6, 4])
      const values = await patches.data()
      assert.deepEqual([...values.slice(0, 8)], [0, 1, 6, 7, 2, 3, 8, 9])
      assert.deepEqual([...values.slice(12, 16)], [12, 13, 18, 19])
      assert.deepEqual([...values.slice(24, 28)], [24, 25, 30, 31])
      assert.throws(() => patchesOf(images, 3), /patches of 3 x 3, got \[2,4,6,1\]/)
    })

    it('gives the class token, and all tokens behind it', async () => {
      const vit = small()
      const x = random([3, 8, 8, 3])
      const { tokens, features } = scope(() => ({ tokens: vit.tokens(x), features: vit.forward(x) }))
      assert.deepEqual(tokens.shape, [3, 17, 8])
      assert.deepEqual(features.shape, [3, 8])
      const all = await tokens.data()
      const own = await features.data()
      for (const n of [0, 1, 2]) close(own.slice(8 * n, 8 * n + 8), all.slice(8 * 17 * n, 8 * 17 * n + 8), 0)
    })

    it('looks only at the patches that are kept, wherever they stand in the list', async () => {
      const vit = small()
      const x = random([2, 8, 8, 3])
      const kept = [
        [3, 0, 9],
        [15, 7, 2],
      ]
      const run = (images: Tensor, keep: number[][]) =>
        scope(() =>
          vit.tokens(images, tensor(Int32Array.from(keep.flat()), { shape: [2, keep[0]!.length], device })),
        ).data()
      const values = await run(x, kept)
      // The rest of each image painted over.
      const pixels = Float32Array.from(await x.data(), (value, i) => {
        const [n, row, column] = [Math.floor(i / 192), Math.floor(i / 24) % 8, Math.floor(i / 3) % 8]
        return kept[n]!.includes(4 * Math.floor(row / 2) + Math.floor(column / 2)) ? value : 0
      })
      close(await run(tensor(pixels, { shape: x.shape, device }), kept), values, 0)
      const turned = await run(x, [
        [9, 3, 0],
        [2, 15, 7],
      ])
      // Class token; 3, 0, 9 are now the second, the third and the first.
      const token = (of: ArrayLike<number>, n: number, t: number) =>
        Array.from(of).slice(8 * (4 * n + t), 8 * (4 * n + t + 1))
      for (const n of [0, 1])
        for (const [from, to] of [
          [0, 0],
          [1, 2],
          [2, 3],
          [3, 1],
        ] as const)
          close(token(turned, n, to), token(values, n, from))
      // All patches in their order are the whole image.
      const everything = Array.from({ length: 16 }, (_, i) => i)
      close(await run(x, [everything, everything]), await scope(() => vit.tokens(x)).data(), 0)
    })

    it('takes images of another size, with its positions in between', async () => {
      const vit = small()
      assert.deepEqual(scope(() => vit.tokens(random([2, 6, 12, 3]))).shape, [2, 1 + 3 * 6, 8])
      close(
        await scope(() => resizePositions(vit.positions, [17, 1], [17, 1])).data(),
        await vit.positions.data(),
        1e-6,
      )
      const [gradient] = scope(() => {
        const y = vit.tokens(random([1, 6, 6, 3]))
        return gradients(sum(mul(y, y)), [vit.positions])
      })
      const rows = await gradient!.data()
      for (let row = 0; row < 17; row++) assert.ok(Math.hypot(...rows.slice(8 * row, 8 * row + 8)) > 1e-6, `row ${row}`)
      assert.throws(() => vit.forward(random([1, 7, 7, 3])), ShapeError)
    })

    it('has fixed positions as state that is not trained, and a frozen patch projection where asked for', () => {
      const vit = small({ positions: 'sincos', frozenPatches: true })
      const state = new ModelState({ vit })
      assert.ok(!state.parameters.names.some(each => each.includes('projection.') && !each.includes('blocks')))
      assert.ok(state.parameters.names.includes('vit.classToken'))
      assert.deepEqual(state.buffers!.names, ['vit.positions'])
      assert.equal(vit.parameters().filter(({ requiresGradient }) => !requiresGradient).length, 2)
      assert.ok(
        small()
          .parameters()
          .every(({ requiresGradient }) => requiresGradient),
      )
      assert.ok(
        small()
          .namedParameters()
          .some(([each]) => each === 'positions'),
      )
    })

    it('has sines and cosines of column and row', () => {
      const values = sinCosPositions([2, 3], 8)
      const at = (row: number, column: number) => values.slice((row * 3 + column) * 8, (row * 3 + column + 1) * 8)
      close(at(0, 0), [0, 0, 1, 1, 0, 0, 1, 1])
      const [w, h] = [2, 1].map(p => [Math.sin(p), Math.sin(p / 100), Math.cos(p), Math.cos(p / 100)]) as [
        number[],
        number[],
      ]
      close(at(1, 2), [...w, ...h], 1e-6)
      assert.throws(() => sinCosPositions([2, 2], 6), ConfigError)
    })

    it('refuses patches that do not fill the image', () => {
      assert.throws(() => small({ patchSize: 3 }), ConfigError)
    })

    it('a weight-normalised layer gives cosines, whatever the lengths of its weights', async () => {
      const layer = new WeightNormLinear({ inputs: 3, outputs: 2, generator, device })
      layer.directions.write(Float32Array.of(3, 0, 4, 0, 10, 0))
      close(await scope(() => layer.forward(tensor([[1, 2, 2]], { device }))).data(), [11 / 5, 2])
      const x = tensor([[1, 2, 2]], { device })
      const [gradient] = scope(() => gradients(sum(layer.forward(x)), [layer.directions]))
      // Along a row itself nothing changes: the gradient stands at right angles to it.
      const g = await gradient!.data()
      close([3 * g[0]! + 4 * g[2]!, g[4]!], [0, 0])
      assert.ok(Math.hypot(...g) > 0.1)
    })
  })
}

describe('nn/vit', () => {
  let device: Device

  before(async () => {
    device = await devices.at(-1)!.open()
  })

  after(() => device.close())

  it('has as many parameters as published: 5.5 and 21.7 million for patches of 16 in images of 224', () => {
    const counts = { 'vit-tiny': 5_524_416, 'vit-small': 21_665_664 } as const
    for (const [name, count] of Object.entries(counts)) {
      const sizes = { inputChannels: 3, imageSize: 224, patchSize: 16, initialisation: 'pytorch' } as const
      const vit = encoder(name as keyof typeof counts, { ...sizes, generator: new Generator(1), device })
      assert.equal(
        vit.parameters().reduce((total, { size }) => total + size, 0),
        count,
      )
      assert.equal(vit.blocks[0]!.attention.heads, vit.featureDimension / 64)
      vit.dispose()
    }
  })

  it('draws weights of deviation 0.02, and the projection as PyTorch does', async () => {
    const vit = new VisionTransformer({
      inputChannels: 3,
      imageSize: 32,
      patchSize: 4,
      width: 64,
      depth: 1,
      generator: new Generator(2),
      device,
    })
    const deviationOf = async (x: Tensor) => Math.hypot(...(await x.data())) / Math.sqrt(x.size)
    assert.ok(Math.abs((await deviationOf(vit.blocks[0]!.feedForward.hidden.weight)) - 0.02) < 5e-4)
    assert.ok(Math.abs((await deviationOf(vit.positions)) - 0.02) < 1e-3)
    // U(±1/√48) has deviation 1/√144.
    assert.ok(Math.abs((await deviationOf(vit.projection.weight)) - 1 / 12) < 3e-3)
    assert.deepEqual(await vit.blocks[0]!.attention.output.bias!.data(), await zeros([64], { device }).data())
    vit.dispose()
  })
})
