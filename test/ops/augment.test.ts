import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, ShapeError } from '../../src/device/errors.js'
import { AT, type AugmentStructure, augment, gatherImages, normaliseImages, PARAMETERS } from '../../src/ops/augment.js'
import { planAugment } from '../../src/ops/augment.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { devices } from '../conformance/devices.js'
import { assertClose, augmenting, type ImageShape, parametersOf, plain, randomBytes, rgb } from './augmenting.js'

for (const { name, open } of devices)
  describe(`augment on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    const { run, compare } = augmenting(() => device)

    it('with parameters that change nothing is exactly the normalised image', async () => {
      for (const [channels, options] of [
        [1, {}],
        [3, rgb],
      ] as const) {
        const shape: ImageShape = [3, 7, 5, channels]
        const bytes = randomBytes(3 * 7 * 5 * channels)
        for (const interpolation of ['bilinear', 'bicubic'] as const) {
          for (const blurRadius of [0, 2]) {
            for (const padding of ['zeros', 'reflection', 'border'] as const) {
              const structure: AugmentStructure = {
                ...plain,
                ...options,
                height: 7,
                width: 5,
                interpolation,
                padding,
                blurRadius,
                colour: padding !== 'zeros',
                contrast: 'luma',
              }
              const views = await run(shape, parametersOf(6, shape), structure, bytes)
              const images = scope(() =>
                normaliseImages(tensor(bytes, { shape, device }), structure.mean, structure.deviation),
              )
              const once = await images.data()
              images.dispose()
              assert.deepEqual(views, Float32Array.of(...once, ...once), `${interpolation} ${padding} ${blurRadius}`)
              const exact = Array.from(bytes, (byte, i) => {
                const c = i % channels
                return (byte / 255 - structure.mean[c]!) / structure.deviation[c]!
              })
              assertClose(once, exact, 1e-6, 'normaliseImages')
            }
          }
        }
      }
    })

    it('samples through any affine map, with every interpolation and padding', async () => {
      const generator = new Generator(11)
      for (const [shape, height, width] of [
        [[2, 5, 7, 1], 6, 3],
        [[3, 1, 1, 3], 2, 2],
        [[1, 33, 31, 1], 9, 65],
        [[2, 8, 3, 3], 1, 5],
      ] as const) {
        for (const interpolation of ['bilinear', 'bicubic'] as const) {
          for (const padding of ['zeros', 'reflection', 'border'] as const) {
            const channels = shape[3] === 3 ? rgb : {}
            const structure = { ...plain, ...channels, height, width, interpolation, padding }
            await compare(
              `${shape} ${interpolation} ${padding}`,
              shape,
              structure,
              p => {
                for (const [at, extent, size] of [
                  [0, shape[2], width],
                  [3, shape[1], height],
                ] as const) {
                  p[at] = (generator.uniform(-1.5, 1.5) * extent) / size
                  p[at + 1] = (generator.uniform(-1.5, 1.5) * extent) / size
                  p[at + 2] = generator.uniform(-0.5, 1.5) * extent
                }
                p.set([generator.integer(shape[2]), generator.integer(shape[1])], 8)
                p.set([p[8]! + generator.integer(shape[2] - p[8]!), p[9]! + generator.integer(shape[1] - p[9]!)], 10)
              },
              4 * shape[0],
              2e-4,
            )
          }
        }
      }
    })

    it('mirrors exactly', async () => {
      const shape: ImageShape = [1, 2, 3, 1]
      const views = await run(
        shape,
        parametersOf(1, shape, p => p.set([-1, 0, 2])),
        { ...plain, height: 2, width: 3, mean: [0], deviation: [1] },
        Uint8Array.of(0, 51, 102, 153, 204, 255),
      )
      assertClose(views, [0.4, 0.2, 0, 1, 0.8, 0.6], 1e-7, 'flip')
    })

    it('samples through a coarse grid', async () => {
      const generator = new Generator(14)
      for (const [shape, height, width] of [
        [[2, 9, 12, 3], 9, 12],
        [[2, 33, 31, 1], 10, 7],
        [[1, 4, 5, 3], 65, 1],
      ] as const) {
        for (const padding of ['zeros', 'reflection', 'border'] as const) {
          const channels = shape[3] === 3 ? rgb : {}
          const structure = { ...plain, ...channels, height, width, interpolation: 'pixelated', padding } as const
          await compare(
            `${shape} ${padding}`,
            shape,
            structure,
            (p, i) => {
              p.set([(generator.uniform(0.3, 1.2) * shape[2]) / width, 0, generator.uniform(-1, 2)])
              p.set([0, (generator.uniform(0.3, 1.2) * shape[1]) / height, generator.uniform(-1, 2)], 3)
              p[AT.cells] = [0, 1, 2, 3, 5, 8][i]!
            },
            6,
            1e-4,
          )
        }
      }
      // Two cells of six pixels: the small image is the middle one of each three.
      const shape: ImageShape = [1, 1, 6, 1]
      const structure = {
        ...plain,
        height: 1,
        width: 6,
        interpolation: 'pixelated',
        padding: 'border',
        mean: [0],
        deviation: [1],
      } as const
      const pixels = Uint8Array.of(0, 51, 102, 153, 204, 255)
      const two = await run(
        shape,
        parametersOf(1, shape, p => p.set([2], AT.cells)),
        structure,
        pixels,
      )
      assertClose(two, [0.2, 0.2, 0.2 + 0.6 / 3, 0.2 + 1.2 / 3, 0.8, 0.8], 1e-6, 'two cells')
    })

    it('adds noise of every deviation, last of all, whatever comes before', async () => {
      for (const channels of [1, 3] as const) {
        const shape: ImageShape = [3, 9, 7, channels]
        for (const [colour, blurRadius] of [
          [false, 0],
          [true, 0],
          [false, 1],
        ] as const) {
          const structure = { ...plain, ...(channels === 3 ? rgb : {}), height: 9, width: 7, noise: true }
          await compare(`${channels} ${colour} ${blurRadius}`, shape, { ...structure, colour, blurRadius }, (p, i) => {
            p.set([i / 4, 2 ** 24 - 1 - i, i], AT.noise)
          })
        }
      }
    })

    it('its noise is normal and independent of other images, pixels and channels', async () => {
      const shape: ImageShape = [2, 1, 1, 3]
      const size = { height: 100, width: 100, mean: [0, 0, 0], deviation: [1, 1, 1] }
      const black = new Uint8Array(6)
      const parameters = parametersOf(2, shape, (p, i) => p.set([1, 77, i], AT.noise))
      const views = await run(shape, parameters, { ...plain, ...size, padding: 'border', noise: true }, black)
      const noise = Array.from(views)
      const count = noise.length
      const moment = (power: number) => noise.reduce((sum, value) => sum + value ** power, 0) / count
      // Deviations of the mean of xᵏ: √(E x²ᵏ − (E xᵏ)²) / √count.
      for (const [power, expected, variance] of [
        [1, 0, 1],
        [2, 1, 2],
        [3, 0, 15],
        [4, 3, 96],
      ] as const) {
        const error = Math.abs(moment(power) - expected) / Math.sqrt(variance / count)
        assert.ok(error < 5, `moment ${power} is ${error} deviations away`)
      }
      for (const lag of [1, 3, 300, 30_000]) {
        let product = 0
        for (let i = 0; i + lag < count; i++) product += noise[i]! * noise[i + lag]!
        const error = Math.abs(product) / Math.sqrt(count - lag)
        assert.ok(error < 5, `values ${lag} apart: ${error} deviations away`)
      }
      assert.equal(new Set(noise.slice(0, 3000)).size, 3000)
    })

    it('takes no more dispatches than the structure needs', () => {
      const slice = { buffer: { id: 1, bytes: 1 }, offset: 0, bytes: 1 }
      const launch = {
        op: 'augment',
        images: slice,
        parameters: slice,
        out: slice,
        batch: 4,
        views: 2,
        sourceHeight: 5,
        sourceWidth: 5,
        channels: 1,
      } as const
      const target = { limits: device.info.limits, features: new Set<string>(), software: true }
      const kernels = (changes: Partial<AugmentStructure>) =>
        planAugment({ ...launch, ...plain, ...changes }, target).map(({ kernel }) => kernel)
      assert.deepEqual(kernels({}), ['augment_sample'])
      assert.deepEqual(kernels({ colour: true }), ['augment_sample', 'augment_colour'])
      const blur = ['augment_sample', 'augment_colour', 'augment_blur']
      assert.deepEqual(kernels({ blurRadius: 2 }), blur)
      assert.deepEqual(kernels({ colour: true, contrast: 'luma', blurRadius: 2, noise: true }), blur)
      assert.deepEqual(kernels({ noise: true, interpolation: 'pixelated' }), ['augment_sample'])
      const own = ['augment_sample', 'augment_colour', 'augment_standardise']
      assert.deepEqual(kernels({ standardise: 'mean' }), own)
      assert.deepEqual(kernels({ standardise: 'full', colour: true, noise: true }), own)
    })

    it('refuses what does not fit', () => {
      scope(() => {
        const images = tensor(new Uint8Array(50), { shape: [2, 5, 5, 1], device })
        const parameters = (rows: number, columns = PARAMETERS) =>
          tensor(new Float32Array(rows * columns), { shape: [rows, columns], device })
        assert.throws(() => augment(images, parameters(3), plain), ShapeError)
        assert.throws(() => augment(images, parameters(2, 47), plain), ShapeError)
        assert.throws(() => augment(images.alias([1, 5, 5, 2]), parameters(1), plain), ShapeError)
        assert.throws(() => augment(parameters(2), parameters(2), plain), DtypeError)
        assert.throws(() => augment(images, parameters(2), { ...plain, ...rgb }), ConfigError)
        assert.throws(
          () => augment(images, parameters(2), { ...plain, standardise: 'mean', blurRadius: 1 }),
          ConfigError,
        )
        assert.throws(() => normaliseImages(images, [0], [0]), ConfigError)
        assert.throws(() => gatherImages([], parameters(2)), DtypeError)
        assert.throws(() => gatherImages([], tensor(new Int32Array(2), { device })), ShapeError)
      })
    })
  })
