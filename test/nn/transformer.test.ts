import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { Attention, TransformerBlock } from '../../src/nn/transformer.js'
import { attention } from '../../src/ops/attention.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { compare } from '../conformance/case.js'
import { devices } from '../conformance/devices.js'
import { loadTransformer } from '../fixtures/load.js'
import { type Array64, array } from '../reference/array.js'

/** PyTorch's names of a TransformerEncoderLayer as ours. */
function ourName(name: string): string {
  return name
    .replace('self_attn.in_proj_', 'attention.projections.')
    .replace('self_attn.out_proj', 'attention.output')
    .replace('linear1', 'feedForward.hidden')
    .replace('linear2', 'feedForward.output')
    .replace(/norm1\.weight/, 'firstNorm.gamma')
    .replace(/norm1\.bias/, 'firstNorm.beta')
    .replace(/norm2\.weight/, 'secondNorm.gamma')
    .replace(/norm2\.bias/, 'secondNorm.beta')
}

/** Weights [out, in] become [in, out]. */
function ours(model: Record<string, Array64>): Map<string, Array64> {
  return new Map(
    Object.entries(model).map(([name, values]) => [
      ourName(name),
      values.shape.length === 2 ? transposed(values) : values,
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

for (const { name, open } of devices) {
  describe(`nn/transformer on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it("is PyTorch's layer, its gradients too", async () => {
      const { heads, x, output, outputGradient, attention: attended, ...fixture } = loadTransformer()
      const parameters = ours(fixture.parameters)
      const block = new TransformerBlock({ width: x.shape[2]!, heads, generator: new Generator(1), device })
      block.loadStateDict(
        new Map(
          [...parameters].map(([key, { shape, data }]) => [
            key,
            { shape, dtype: 'float32', data: Float32Array.from(data) },
          ]),
        ),
      )
      const upload = ({ shape, data }: Array64) => tensor(Float32Array.from(data), { shape, device })
      const input = upload(x)
      input.requiresGradient = true
      const named = block.namedParameters()
      const [y, alone, ...found] = scope(() => {
        const value = block.forward(input)
        const wanted = [input, ...named.map(([, parameter]) => parameter)]
        return [value, block.attention.forward(input), ...gradients(sum(mul(value, upload(outputGradient))), wanted)]
      })
      // A dozen products and two norms follow each other.
      const bound = { name: 'block', depth: 8 * 64, reference: () => output }
      compare('output', await y!.data(), output, bound)
      compare('attention', await alone!.data(), attended, bound)
      const expected = ours(fixture.gradients)
      for (const [i, key] of ['x', ...named.map(([key]) => key)].entries()) {
        compare(`gradient of ${key}`, await found[i]!.data(), expected.get(key)!, bound)
      }
    })

    it('pays attention to the keys that a query resembles', async () => {
      const far = 100
      const keys = tensor([far, 0, 0, far, -far, 0], { shape: [1, 3, 2], device })
      const values = tensor([1, 2, 3], { shape: [1, 3, 1], device })
      const queries = tensor([0, 1, -1, 0, 0, 0], { shape: [1, 3, 2], device })
      const taken = await scope(() => attention(queries, keys, values)).data()
      ;[2, 3, 2].forEach((value, i) => {
        assert.ok(Math.abs(taken[i]! - value) < 1e-5, `${taken}`)
      })
      assert.throws(() => attention(queries, keys, zeros([1, 2, 1], { device })), ShapeError)
    })

    it('refuses heads that do not divide the width', () => {
      assert.throws(() => new Attention({ width: 10, heads: 3, generator: new Generator(1), device }), ConfigError)
    })
  })
}
