import assert from 'node:assert/strict'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Device } from '../../../src/device/device.js'
import { conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../../../src/ops/conv2d.js'
import { tensor } from '../../../src/tensor/create.js'
import type { TypedArray } from '../../../src/tensor/tensor.js'
import type { Array64 } from '../../reference/array.js'
import { conv2d as reference } from '../../reference/conv2d.js'
import { draw, generator, normal, rounded } from '../../reference/random.js'

/** Images, height, width, channels, filters and padding: each is one that Winograd's algorithm is chosen for. */
const sizes = [
  [16, 4, 4, 32, 16, 1],
  [4, 8, 8, 16, 48, 1],
  [3, 15, 10, 32, 32, 1],
  [5, 9, 12, 48, 80, 0],
  [17, 6, 7, 16, 32, 2],
  // Enough tiles of few channels for the filter's gradient to be summed up in parts.
  [70, 16, 13, 32, 16, 1],
] as const

describe('convolution by Winograd’s algorithm', () => {
  const devices: Record<'fast' | 'single' | 'direct', Device> = {} as never

  before(async () => {
    devices.fast = await openCPU({ threads: 2, winograd: true })
    devices.single = await openCPU({ threads: 1, winograd: true })
    devices.direct = await openCPU({ threads: 2, winograd: false })
  })

  after(() => Promise.all(Object.values(devices).map(device => device.close())))

  for (const [images, height, width, channels, filters, padding] of sizes) {
    it(`[${images},${height},${width},${channels}] * [3,3,${channels},${filters}], padding ${padding}`, async () => {
      const random = generator(images)
      const array = (...shape: number[]) => rounded(draw(shape, normal(), random))
      const x = array(images, height, width, channels)
      const filter = array(3, 3, channels, filters)
      const dy = array(images, height + 2 * padding - 2, width + 2 * padding - 2, filters)
      const run = async (device: Device): Promise<TypedArray[]> => {
        const [image, weights, gradient] = [x, filter, dy].map(({ shape, data }) =>
          tensor(Float32Array.from(data), { shape, device }),
        )
        const results = [
          conv2d(image!, weights!, { padding }),
          conv2dBackwardData(gradient!, weights!, x.shape, { padding }),
          conv2dBackwardFilter(image!, gradient!, filter.shape, { padding }),
        ]
        return Promise.all(results.map(result => result.data()))
      }
      const [fast, single, direct] = [await run(devices.fast), await run(devices.single), await run(devices.direct)]
      const exact = [reference.forward([x, filter], { padding }), ...reference.gradient([x, filter], { padding }, dy)]
      for (const pass of [0, 1, 2]) {
        assert.deepEqual(fast[pass], single[pass], 'the number of threads changes nothing')
        // Without AVX-512 both go the direct way.
        const differ = fast[pass]!.some((value, at) => value !== direct[pass]![at])
        assert.equal(differ, devices.fast.info.features.has('winograd'), 'the other algorithm, where it is there')
        assert.ok(errorOf(fast[pass]!, exact[pass]!) < 3e-6, `${errorOf(fast[pass]!, exact[pass]!)}`)
        assert.ok(errorOf(direct[pass]!, exact[pass]!) < 1e-6, `${errorOf(direct[pass]!, exact[pass]!)}`)
      }
    })
  }
})

/** ‖x − x64‖ / ‖x64‖ */
function errorOf(x: TypedArray, exact: Array64 | null): number {
  let [wrong, whole] = [0, 0]
  exact!.data.forEach((value, i) => {
    wrong += (x[i]! - value) ** 2
    whole += value ** 2
  })
  return Math.sqrt(wrong / whole)
}
