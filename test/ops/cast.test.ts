import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError } from '../../src/device/errors.js'
import { cast } from '../../src/ops/cast.js'
import { mul } from '../../src/ops/elementwise.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients, isTracked } from '../../src/tensor/tape.js'
import type { Dtype, TypedArray } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'

for (const { name, open } of devices) {
  describe(`cast on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    const rows: { from: TypedArray; to: Exclude<Dtype, 'uint8'>; data: number[] }[] = [
      {
        from: Float32Array.of(1.9, -1.9, 0.5, -0.5, 3e9, -3e9),
        to: 'int32',
        data: [1, -1, 0, 0, 2147483647, -2147483648],
      },
      { from: Float32Array.of(1.9, 0.5, 4e9, 5e9, -1), to: 'uint32', data: [1, 0, 4e9, 4294967295, 0] },
      { from: Int32Array.of(-3, 16_777_216, 7), to: 'float32', data: [-3, 16_777_216, 7] },
      { from: Int32Array.of(-1, 7), to: 'uint32', data: [4294967295, 7] },
      { from: Uint32Array.of(4294967295, 7), to: 'int32', data: [-1, 7] },
      { from: Uint32Array.of(4_000_000_000), to: 'float32', data: [4_000_000_000] },
      { from: Uint8Array.of(0, 1, 127, 128, 255), to: 'float32', data: [0, 1, 127, 128, 255] },
      { from: Uint8Array.of(0, 1, 127, 128, 255, 3), to: 'int32', data: [0, 1, 127, 128, 255, 3] },
      { from: Uint8Array.of(200), to: 'uint32', data: [200] },
    ]
    for (const { from, to, data } of rows) {
      it(`${from.constructor.name.replace('Array', '')} [${from}] to ${to}`, async () => {
        const y = scope(() => cast(tensor(from, { device }), to))
        assert.equal(y.dtype, to)
        // Floats beyond the integers' range: the nearest float32 below it is as good.
        const found = [...(await y.data())]
        found.forEach((value, i) => {
          const slack = from instanceof Float32Array && Math.abs(data[i]!) > 2 ** 24 ? 256 : 0
          assert.ok(Math.abs(value - data[i]!) <= slack, `${value} and ${data[i]}`)
        })
        y.dispose()
      })
    }

    it('keeps the shape, over more elements than a workgroup', async () => {
      const bytes = Uint8Array.from({ length: 3 * 1001 }, (_, i) => (7 * i) & 255)
      const y = scope(() => cast(cast(tensor(bytes, { shape: [3, 1001], device }), 'int32'), 'float32'))
      assert.deepEqual([...y.shape], [3, 1001])
      assert.deepEqual([...(await y.data())], [...bytes])
      y.dispose()
    })

    it('to the same type is the tensor itself, with its gradient; integers have none', () => {
      scope(() => {
        const x = tensor([1, 2], { device, requiresGradient: true })
        assert.equal(cast(x, 'float32'), x)
        assert.equal(gradients(sum(mul(cast(x, 'float32'), 2)), [x]).length, 1)
        assert.equal(isTracked(cast(x, 'int32')), false)
      })
    })

    it('refuses to make bytes', () => {
      scope(() => {
        assert.throws(
          () => cast(zeros([2], { device }), 'uint8' as never),
          /cast: wants float32, int32 or uint32 as the new type/,
        )
        assert.throws(() => cast(zeros([2], { device }), 'float64' as never), DtypeError)
      })
    })
  })
}
