import assert from 'node:assert/strict'
import type { CPUDevice } from '../../../src/device/cpu/device.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Buffer } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import type { Launch } from '../../../src/device/launch.js'
import { type AugmentStructure, augment, PARAMETERS } from '../../../src/ops/augment.js'
import { scatterAdd } from '../../../src/ops/gather.js'
import '../../../src/ops/cast.js'
import '../../../src/ops/sample.js'
import '../../../src/optim/adamw.js'
import '../../../src/optim/ema.js'
import '../../../src/optim/lars.js'
import '../../../src/optim/sgd.js'
import { tensor } from '../../../src/tensor/create.js'
import { Generator } from '../../../src/tensor/philox.js'
import { scope } from '../../../src/tensor/scope.js'
import { drawView } from '../../../src/views/draw.js'
import { simclrView } from '../../../src/views/presets.js'
import { structureOf } from '../../../src/views/spec.js'

const rgb = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] }
const structure: AugmentStructure = structureOf(simclrView({ size: 24, ...rgb, strength: 1, blur: true }))
const slice = (buffer: Buffer, bytes = buffer.bytes) => ({ buffer, offset: 0, bytes })

/** Runs `body` on devices of one thread and of three, which must give the same bits. */
async function sameBits(body: (device: CPUDevice) => Promise<ArrayLike<number>>): Promise<void> {
  const results: ArrayLike<number>[] = []
  for (const threads of [1, 3]) {
    const device = await openCPU({ threads })
    results.push(await body(device))
    await device.close()
  }
  assert.ok(Array.from(results[0]!).some(value => value !== 0))
  assert.deepEqual(results[0], results[1])
}

function floats(count: number, seed: number): Float32Array {
  const generator = new Generator(seed)
  return Float32Array.from({ length: count }, () => generator.uniform(-1, 1))
}

describe('operands of the CPU device', () => {
  describe('give the same bits for any number of threads:', () => {
    it('augment', () =>
      sameBits(async device => {
        const shape = [40, 30, 20, 3]
        const generator = new Generator(3)
        const bytes = Uint8Array.from({ length: 40 * 30 * 20 * 3 }, () => generator.integer(256))
        const spec = simclrView({ size: 24, ...rgb, strength: 1, blur: true })
        const parameters = drawView(spec, generator, 40, { height: 30, width: 20 })
        const views = scope(() =>
          augment(
            tensor(bytes, { shape, device }),
            tensor(parameters, { shape: [40, PARAMETERS], device }),
            structureOf(spec),
          ),
        )
        return views.data()
      }))

    it('scatterAdd', () =>
      sameBits(async device => {
        const generator = new Generator(4)
        const indices = Int32Array.from({ length: 2000 }, () => generator.integer(90) - 5)
        const sums = scope(() =>
          scatterAdd(tensor(floats(2000 * 300, 5), { shape: [2000, 300], device }), tensor(indices, { device }), 80),
        )
        return sums.data()
      }))

    it('larsTrust', () =>
      sameBits(async device => {
        const count = 100_000
        const [parameters, gradients] = [6, 7].map(seed => tensor(floats(4 * count, seed), { device }))
        const rangeCount = Math.ceil(count / 512)
        const ends = Array.from({ length: rangeCount }, (_, i) => [512 * i, Math.min(count, 512 * (i + 1))])
        const words = (values: number[]) => tensor(Uint32Array.from(values), { dtype: 'uint32', device })
        const trust = tensor([0, 0], { device })
        device.launch({
          op: 'larsTrust',
          parameters: parameters!.slice,
          gradients: gradients!.slice,
          hyper: tensor([0.1, 1e-3, 0.9, 1e-3], { device }).slice,
          ranges: words(ends.flat()).slice,
          slots: words([0, 7, 7, rangeCount]).slice,
          trust: trust.slice,
          rangeCount,
          slotCount: 2,
        })
        return trust.data()
      }))
  })

  describe('stay within their operands:', () => {
    let device: CPUDevice
    before(async () => {
      device = await openCPU()
    })
    after(() => device.close())

    it('an operand that is too small for the sizes of its launch is refused', () => {
      const small = device.alloc(64)
      const s = slice(small)
      const large = Array.from({ length: 4 }, () => slice(device.alloc(1 << 16)))
      const [a, b, c, d] = large as [typeof s, typeof s, typeof s, typeof s]
      const image = { batch: 2, views: 2, sourceHeight: 24, sourceWidth: 24, channels: 3 }
      const sampling = { batch: 1, channels: 4, inputHeight: 8, inputWidth: 8, height: 8, width: 8 }
      const how = { interpolation: 'bilinear', padding: 'zeros' } as const
      const walk = { sourceAt: 0, sourceStrides: [1, 8], outAt: 0, outStrides: [8, 1], shape: [8, 8] }
      const wrong: [string, Launch][] = [
        ['images', { op: 'augment', ...structure, ...image, images: s, parameters: a, out: b }],
        ['parameters', { op: 'augment', ...structure, ...image, images: a, parameters: s, out: b }],
        ['out', { op: 'augment', ...structure, ...image, images: a, parameters: b, out: s }],
        ['page', { op: 'gatherImages', page: s, indices: a, out: b, batch: 4, imageBytes: 9, first: 0, images: 8 }],
        ['out', { op: 'gatherImages', page: a, indices: b, out: s, batch: 8, imageBytes: 9, first: 0, images: 8 }],
        ['source', { op: 'copy', source: s, out: a, ...walk }],
        ['out', { op: 'copy', source: a, out: s, ...walk, shape: [2, 8], outAt: 8 }],
        ['source', { op: 'copy', source: s, out: a, ...walk, shape: [1, 1], sourceAt: 16 }],
        ['x', { op: 'gather', x: s, indices: a, out: b, outer: 1, length: 5, inner: 4, picked: 2 }],
        ['indices', { op: 'gather', x: a, indices: s, out: b, outer: 1, length: 5, inner: 4, picked: 17 }],
        ['updates', { op: 'scatterAdd', updates: s, indices: a, out: b, count: 5, rows: 4, inner: 4 }],
        ['out', { op: 'scatterAdd', updates: a, indices: b, out: s, count: 5, rows: 5, inner: 4 }],
        ['out', { op: 'oneHot', indices: a, out: s, count: 3, classes: 10 }],
        ['inverse', { op: 'invertPermutation', permutation: a, inverse: s, count: 17 }],
        ['out', { op: 'castBytes', x: a, out: s, to: 'float32', count: 17 }],
        ['theta', { op: 'affineSample', x: a, theta: s, out: b, ...sampling, batch: 3, ...how }],
        ['out', { op: 'affineSampleBackward', x: a, theta: b, out: s, ...sampling, ...how }],
        ['target', { op: 'ema', target: s, source: a, hyper: b, count: 5 }],
        ['momentum', { op: 'sgd', parameters: a, momentum: s, gradients: b, hyper: c, count: 5, nesterov: true }],
        ['square', { op: 'adamw', parameters: a, mean: b, square: s, gradients: c, hyper: d, count: 5 }],
        ['gradients', { op: 'lars', parameters: a, momentum: b, gradients: s, hyper: c, count: 5 }],
      ]
      for (const [operand, launch] of wrong) {
        assert.throws(
          () => device.launch(launch),
          (error: unknown) =>
            error instanceof DeviceError &&
            new RegExp(`^${launch.op}: wants \\d+ bytes for ${operand}, got 64$`).test(error.message),
          `${launch.op} ${operand}`,
        )
      }
      const twice = { ...walk, shape: [2 ** 20, 2 ** 20], sourceStrides: [0, 0], outStrides: [0, 0] }
      assert.throws(() => device.launch({ op: 'copy', source: a, out: b, ...twice }), /a place of its own in out/)
      const huge = { height: 2 ** 30, sourceHeight: 2 ** 30, sourceWidth: 2 ** 30 }
      const launch = { op: 'augment', ...structure, ...image, ...huge, images: a, parameters: b, out: c } as const
      assert.throws(() => device.launch(launch), /^DeviceError: augment: wants images of at most/)
      for (const { buffer } of [s, ...large]) device.free(buffer)
    })

    it('a view of parameters that are no numbers, or far away, reads its own image', async () => {
      const shape = [3, 24, 24, 3]
      const images = tensor(new Uint8Array(3 * 24 * 24 * 3).fill(255), { shape, device })
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 3e9, 1e-30]) {
        for (const interpolation of ['bilinear', 'bicubic', 'pixelated'] as const) {
          const last =
            interpolation === 'pixelated'
              ? ({ standardise: 'full', blurRadius: 0, curves: true, noise: true } as const)
              : {}
          for (const padding of ['zeros', 'reflection', 'border'] as const) {
            const views = scope(() =>
              augment(
                images,
                tensor(new Float32Array(3 * PARAMETERS).fill(value), { shape: [3, PARAMETERS], device }),
                { ...structure, ...last, interpolation, padding },
              ),
            )
            assert.equal((await views.data()).length, 3 * 24 * 24 * 3)
            views.dispose()
          }
        }
      }
      images.dispose()
    })

    it('tables of LARS that name what is not there reach nothing else', async () => {
      const page = tensor(new Float32Array(64).fill(1), { device })
      const momentum = tensor(new Float32Array(64), { device })
      const gradients = tensor(new Float32Array(64).fill(1), { device })
      const hyper = tensor([1, 0, 0, 1], { device })
      const trust = tensor([0, 0], { device })
      const words = (...values: number[]) => tensor(Uint32Array.from(values), { dtype: 'uint32', device })
      const [ranges, slots, slotOfBlock] = [words(0, 2 ** 32 - 1, 9, 3), words(0, 99, 2 ** 31, 7), words(12345)]
      const common = { parameters: page.slice, gradients: gradients.slice, hyper: hyper.slice }
      device.launch({
        op: 'larsTrust',
        ...common,
        ranges: ranges.slice,
        slots: slots.slice,
        trust: trust.slice,
        rangeCount: 2,
        slotCount: 2,
      })
      // All 64 weights and gradients: 8 / 8; and no range, so no norm.
      assert.deepEqual([...(await trust.data())], [1, 1])
      trust.write(Float32Array.of(5, 0.25))
      const operands = { momentum: momentum.slice, trust: trust.slice, slotOfBlock: slotOfBlock.slice }
      device.launch({ op: 'lars', ...common, ...operands, count: 16 })
      // The last slot's trust.
      assert.deepEqual([...new Set(await page.data())], [0.75])
      for (const each of [page, momentum, gradients, hyper, trust, ranges, slots, slotOfBlock]) each.dispose()
    })
  })
})
