import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError } from '../../src/device/errors.js'
import { mul } from '../../src/ops/elementwise.js'
import { type AffineSampleOptions, affineSample } from '../../src/ops/sample.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { devices } from '../conformance/devices.js'
import { generator, normal } from '../reference/random.js'
import { valuesOf } from './values.js'

const interpolations = ['bilinear', 'bicubic'] as const
const paddings = ['zeros', 'border', 'reflection'] as const
const close = (a: number[], b: number[]) => a.every((value, i) => Math.abs(value - b[i]!) < 1e-5)

for (const { name, open } of devices) {
  describe(`affineSample on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    const pixels = normal()(generator(4), 2 * 4 * 5 * 3)
    const sample = (theta: number[], options: AffineSampleOptions) =>
      valuesOf(() => [
        affineSample(
          tensor(Float32Array.from(pixels), { shape: [2, 4, 5, 3], device }),
          tensor(Float32Array.from([...theta, ...theta]), { shape: [2, 2, 3], device }),
          options,
        ),
      ])
    const at = (n: number, y: number, x: number, c: number) => Math.fround(pixels[((n * 4 + y) * 5 + x) * 3 + c]!)
    const rebuilt = (source: (n: number, y: number, x: number, c: number) => number) =>
      Array.from({ length: 2 * 4 * 5 * 3 }, (_, i) =>
        source(Math.floor(i / 60), Math.floor(i / 15) % 4, Math.floor(i / 3) % 5, i % 3),
      )

    for (const interpolation of interpolations) {
      for (const padding of paddings) {
        const options = { height: 4, width: 5, interpolation, padding }

        it(`identity and mirror give the pixels back: ${interpolation}, ${padding}`, async () => {
          const [same] = await sample([1, 0, 0, 0, 1, 0], options)
          assert.ok(close(same!.data, rebuilt(at)))
          const [flipped] = await sample([-1, 0, 0, 0, 1, 0], options)
          assert.ok(
            close(
              flipped!.data,
              rebuilt((n, y, x, c) => at(n, y, 4 - x, c)),
            ),
          )
        })

        it(`reads what lies outside as ${padding}: ${interpolation}`, async () => {
          // A whole image to the right, and two.
          const [one] = await sample([1, 0, 2, 0, 1, 0], options)
          const expected = {
            zeros: () => 0,
            border: (n: number, y: number, _: number, c: number) => at(n, y, 4, c),
            reflection: (n: number, y: number, x: number, c: number) => at(n, y, 4 - x, c),
          }
          assert.ok(close(one!.data, rebuilt(expected[padding])))
          const [far] = await sample([1, 0, 1e30, 0, 1, Number.NaN], options)
          if (padding === 'zeros') assert.ok(far!.data.every(value => value === 0))
        })
      }
    }

    it('gives the same gradient bits every time, and gradients of gradients', async () => {
      const run = () =>
        valuesOf(() => {
          const x = tensor(Float32Array.from(pixels), { shape: [2, 4, 5, 3], device, requiresGradient: true })
          const theta = tensor(Float32Array.from([0.9, 0.2, 0.1, -0.3, 1.1, 0, 0.5, 0, 0, 0, 0.5, 0.2]), {
            shape: [2, 2, 3],
            device,
          })
          const y = affineSample(x, theta, { height: 7, width: 3, interpolation: 'bicubic', padding: 'reflection' })
          const [first] = gradients(mul(sum(mul(y, y)), 0.5), [x], { createGraph: true })
          // f = ½‖S x‖² has the gradient Sᵀ S x, and that along x has Sᵀ S x twice over.
          const [second] = gradients(sum(mul(first!, x)), [x])
          return [first!, second!]
        })
      const [a, b] = [await run(), await run()]
      assert.deepEqual(a, b)
      assert.ok(
        close(
          a[1]!.data,
          a[0]!.data.map(value => 2 * value),
        ),
      )
    })

    it('takes more channels than one invocation sums', async () => {
      const channels = 37
      const [gradient] = await valuesOf(() => {
        const x = zeros([1, 2, 2, channels], { device, requiresGradient: true })
        const identity = tensor(
          [
            [
              [1, 0, 0],
              [0, 1, 0],
            ],
          ],
          { device },
        )
        const y = affineSample(x, identity, { height: 2, width: 2, interpolation: 'bilinear', padding: 'zeros' })
        const weight = tensor(
          Float32Array.from({ length: y.size }, (_, i) => i),
          { shape: y.shape, device },
        )
        return gradients(sum(mul(y, weight)), [x])
      })
      assert.ok(
        close(
          gradient!.data,
          Array.from({ length: 4 * channels }, (_, i) => i),
        ),
      )
    })

    it('says what does not fit', () => {
      scope(() => {
        const options: AffineSampleOptions = { height: 2, width: 2, interpolation: 'bilinear', padding: 'zeros' }
        const x = zeros([2, 4, 4, 1], { device })
        assert.throws(
          () => affineSample(x, zeros([1, 2, 3], { device }), options),
          /wants theta \[2,2,3\], got \[1,2,3\]/,
        )
        assert.throws(
          () => affineSample(zeros([4, 4, 1], { device }), zeros([2, 2, 3], { device }), options),
          /wants x \[N,H,W,C\]/,
        )
        assert.throws(() => affineSample(x, zeros([2, 2, 3], { dtype: 'int32', device }), options), DtypeError)
        assert.throws(
          () => affineSample(x, zeros([2, 2, 3], { device }), { ...options, width: 0 }),
          /dimensions of at least 1/,
        )
      })
    })
  })
}
