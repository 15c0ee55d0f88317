import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ShapeError } from '../../src/device/errors.js'
import { batchNormsOf, splitBatchNorms } from '../../src/nn/batchNorm.js'
import { inChunks } from '../../src/nn/chunks.js'
import { Linear } from '../../src/nn/linear.js'
import { MLP } from '../../src/nn/mlp.js'
import { namedTensors } from '../../src/nn/module.js'
import { ResNet } from '../../src/nn/resnet.js'
import { open } from '../../src/open.js'
import { add, mul } from '../../src/ops/elementwise.js'
import { l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { concat } from '../../src/ops/shape.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor, TypedArray } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

function assertNear(what: string, actual: TypedArray, expected: TypedArray, relative: number): void {
  const error = Math.hypot(...Array.from(expected, (value, i) => value - actual[i]!))
  const norm = Math.hypot(...expected)
  assert.ok(error <= relative * norm, `${what}: off by ${error} of ${norm}`)
}

const generator = new Generator(6)

function images(count: number, size: number, device: Device): Tensor {
  const stream = generator.split('images')
  const values = Float32Array.from({ length: count * size * size * 3 }, () => stream.normal())
  return tensor(values, { shape: [count, size, size, 3], device })
}

/** An encoder and a projector with batch norms. */
function network(width: number, device: Device) {
  const encoder = new ResNet({ depth: 8, inputChannels: 3, width, generator: generator.split('encoder'), device })
  const widths = [encoder.featureDimension, 16, 8]
  const projector = new MLP({ widths, outputNorm: 'full', generator: generator.split('projector'), device })
  const modules = { encoder, projector }
  return {
    modules,
    forward: (x: Tensor) => l2normalize(projector.forward(encoder.forward(x))),
    parameters: namedTensors(modules, 'namedParameters'),
    buffers: namedTensors(modules, 'namedBuffers'),
    dispose: () => [encoder, projector].forEach(module => void module.dispose()),
  }
}

for (const { name, open: openDevice } of devices) {
  describe(`nn/chunks on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await openDevice()
    })

    after(() => device.close())

    it('4 chunks of 16 have the gradients and running statistics of one batch of 64 in 4 splits', async () => {
      const x = images(64, 8, device)
      const run = async (embed: (made: ReturnType<typeof network>) => Tensor) => {
        const made = network(4, device)
        const tensors = made.parameters.map(([, parameter]) => parameter)
        const found = scope(() => {
          const loss = ntXent(embed(made), 0.5)
          return [loss, ...gradients(loss, tensors)]
        })
        const state = [...found, ...made.buffers.map(([, buffer]) => buffer)]
        return Promise.all(state.map(each => each.data()))
      }
      const whole = await run(made => {
        for (const module of Object.values(made.modules)) splitBatchNorms(module, 4)
        return made.forward(x)
      })
      const chunked = await run(made => inChunks(Object.values(made.modules), [x], 4, made.forward))
      whole.forEach((values, i) => {
        assertNear(`tensor ${i}`, chunked[i]!, values, 1e-5)
      })
    })

    it('gives every chunk its rows of all inputs, and the gradient of each input', async () => {
      const linear = new Linear({ inputs: 2, outputs: 2, generator, device })
      const [a, b] = [1, 2].map(seed => {
        const stream = new Generator(seed)
        const values = Float32Array.from({ length: 12 }, () => stream.normal())
        return tensor(values, { shape: [6, 2], device, requiresGradient: true })
      }) as [Tensor, Tensor]
      const body = (left: Tensor, right: Tensor) => concat([linear.forward(left), mul(left, right)], 1)
      const weight = tensor(
        Float32Array.from({ length: 24 }, (_, i) => i % 7),
        { shape: [6, 4], device },
      )
      const run = (y: Tensor) => [y, ...gradients(sum(mul(y, weight)), [a, b, linear.weight])]
      const plain = scope(() => run(body(a, b)))
      const chunked = scope(() => run(inChunks([linear], [a, b], 3, body as (...parts: Tensor[]) => Tensor)))
      for (const [i, expected] of plain.entries()) {
        assertNear(`tensor ${i}`, await chunked[i]!.data(), await expected.data(), 1e-6)
      }
    })

    it('leaves momenta as they were, also when the body throws, and refuses a batch that does not divide', () => {
      const { modules } = network(4, device)
      const list = Object.values(modules)
      const x = zeros([6, 8, 8, 3], { device })
      const fail = () => {
        throw new RangeError('body')
      }
      assert.throws(() => inChunks(list, [x], 2, fail), RangeError)
      assert.deepEqual([...new Set(batchNormsOf(list).map(norm => norm.momentum))], [0.1])
      assert.throws(() => inChunks(list, [x], 4, fail), ShapeError)
      assert.throws(
        () => inChunks(list, [x, zeros([3], { device })], 3, add),
        /one multiple of 3 chunks, got \[6,8,8,3\], \[3\]/,
      )
      assert.throws(() => inChunks(list, [], 1, fail), ShapeError)
    })
  })
}

describe('nn/chunks', () => {
  it('takes the memory of a chunk: 16 times the batch at most 1.3 times the peak', async () => {
    const device = await open({ device: 'cpu' })
    const made = network(32, device)
    const tensors = made.parameters.map(([, parameter]) => parameter)
    const peakOf = async (count: number, chunks: number) => {
      const x = images(count, 32, device)
      device.resetPeak()
      scope(() => {
        gradients(ntXent(inChunks(Object.values(made.modules), [x], chunks, made.forward), 0.5), tensors)
      })
      // The working memory of ops is known when they have run.
      await device.settle()
      const { peak } = device.memory()
      x.dispose()
      return peak
    }
    const small = await peakOf(16, 1)
    const large = await peakOf(256, 16)
    assert.ok(large <= 1.3 * small, `${large} bytes, ${small} for one chunk`)
    made.dispose()
    await device.close()
  })
})
