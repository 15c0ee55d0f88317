import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, ShapeError } from '../../src/device/errors.js'
import {
  ADJUSTMENTS,
  AT,
  type AugmentStructure,
  augment,
  gatherImages,
  normaliseImages,
  PARAMETERS,
} from '../../src/ops/augment.js'
import { planAugment } from '../../src/ops/augment.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { devices } from '../conformance/devices.js'
import { augmentReference } from '../reference/augment.js'

type ImageShape = readonly [number, number, number, number]

const plain: AugmentStructure = {
  height: 5,
  width: 5,
  interpolation: 'bilinear',
  padding: 'zeros',
  colour: false,
  contrast: 'none',
  hue: 'hsv',
  curves: false,
  blurRadius: 0,
  mean: [0.4],
  deviation: [0.3],
  standardise: 'none',
  noise: false,
}
const rgb = { mean: [0.4, 0.5, 0.45], deviation: [0.25, 0.3, 0.2] }

function randomBytes(count: number, seed = 1): Uint8Array {
  const generator = new Generator(seed)
  return Uint8Array.from({ length: count }, () => generator.integer(256))
}

/** Parameters that leave images alone, then changed image by image. */
function parametersOf(count: number, [, height, width]: ImageShape, change?: (p: Float32Array, i: number) => void) {
  const all = new Float32Array(count * PARAMETERS)
  for (let i = 0; i < count; i++) {
    const p = all.subarray(i * PARAMETERS, (i + 1) * PARAMETERS)
    p.set([1, 0, 0, 0, 1, 0, 0, 2, 0, 0, width - 1, height - 1])
    p.set([1, 1, 1, 0, 1, 0], 16)
    change?.(p, i)
  }
  return all
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    assert.ok(error <= tolerance, `${what}: element ${i} is ${actual[i]}, wants ${expected[i]}`)
  }
}

for (const { name, open } of devices)
  describe(`augment on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())

    async function run(shape: ImageShape, parameters: Float32Array, structure: AugmentStructure, bytes: Uint8Array) {
      const out = scope(() =>
        augment(
          tensor(bytes, { shape, device }),
          tensor(parameters, { shape: [parameters.length / PARAMETERS, PARAMETERS], device }),
          structure,
        ),
      )
      const data = await out.data()
      out.dispose()
      return data
    }

    /** Runs a structure on the device and in float64 and compares. */
    async function compare(
      what: string,
      shape: ImageShape,
      structure: AugmentStructure,
      change: (p: Float32Array, i: number) => void,
      count = 2 * shape[0],
      tolerance = 4e-5,
    ) {
      const bytes = randomBytes(shape.reduce((a, b) => a * b))
      const parameters = parametersOf(count, shape, change)
      const expected = augmentReference({ data: bytes, shape }, parameters, structure)
      assertClose(await run(shape, parameters, structure, bytes), expected, tolerance, what)
    }

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

    it('adjusts colours in every order, about either mean, in either hue', async () => {
      const { brightness, contrast, saturation, hue } = ADJUSTMENTS
      const orders: number[][] = [[], [contrast], [0, contrast, 0, brightness], [hue, hue, saturation]]
      const permute = (rest: number[], order: number[] = []): void => {
        if (rest.length === 0) orders.push(order)
        for (const code of rest)
          permute(
            rest.filter(other => other !== code),
            [...order, code],
          )
      }
      permute([brightness, contrast, saturation, hue])
      assert.equal(orders.length, 4 + 24)
      const generator = new Generator(12)
      for (const channels of [1, 3] as const) {
        for (const [contrastOf, hueOf] of [
          ['luma', 'hsv'],
          ['average', 'yiq'],
        ] as const) {
          const structure = {
            ...plain,
            ...(channels === 3 ? rgb : {}),
            colour: true,
            contrast: contrastOf,
            hue: hueOf,
            height: 6,
            width: 9,
          }
          const shape: ImageShape = [7, 6, 9, channels]
          await compare(
            `${channels} ${contrastOf} ${hueOf}`,
            shape,
            structure,
            (p, i) => {
              p.set(orders[i]!, 12)
              for (let k = 16; k < 19; k++) p[k] = generator.uniform(0.3, 1.8)
              p[19] = generator.uniform(-0.5, 0.5)
              p.set([Math.cos(2 * Math.PI * p[19]!), Math.sin(2 * Math.PI * p[19]!)], 20)
              p[6] = i % 3 === 0 ? 1 : 0
            },
            28,
          )
        }
      }
    })

    it('leaves grey pixels and pure colours where the hue says', async () => {
      const shape: ImageShape = [1, 1, 4, 3]
      const structure = { ...plain, colour: true, height: 1, width: 4, mean: [0, 0, 0], deviation: [1, 1, 1] }
      const third = parametersOf(1, shape, p => {
        p[12] = ADJUSTMENTS.hue
        p[19] = 1 / 3
      })
      const bytes = Uint8Array.of(255, 0, 0, 0, 255, 0, 51, 51, 51, 0, 0, 0)
      assertClose(await run(shape, third, structure, bytes), [0, 1, 0, 0, 0, 1, 0.2, 0.2, 0.2, 0, 0, 0], 1e-6, 'hue')
    })

    it('blurs and solarises, alone and after colours', async () => {
      const generator = new Generator(13)
      for (const [shape, blurRadius] of [
        [[2, 9, 7, 3], 1],
        [[2, 4, 5, 1], 6],
        [[1, 1, 1, 3], 2],
        [[2, 33, 65, 1], 3],
      ] as const) {
        for (const colour of [false, true]) {
          const structure: AugmentStructure = {
            ...plain,
            ...(shape[3] === 3 ? rgb : {}),
            height: shape[1],
            width: shape[2],
            blurRadius,
            colour,
            contrast: 'luma',
          }
          // A value a hair from the threshold may fall on either side of it, so the thresholds are where none is.
          await compare(
            `${shape} ${colour}`,
            shape,
            structure,
            (p, i) => {
              p[22] = i % 3 === 0 ? 0 : generator.uniform(0.1, 2)
              p[7] = i % 3 === 0 ? 0.5 : i % 3 === 1 ? 2 : 1e-6
              p.set([ADJUSTMENTS.saturation, 0, ADJUSTMENTS.contrast], 12)
              p[17] = 0.7
            },
            6 * shape[0],
          )
        }
      }
      const shape: ImageShape = [2, 3, 3, 1]
      await compare('solarise only', shape, { ...plain, height: 3, width: 3 }, p => {
        p[7] = 0.5
      })
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

    it('mixes channels and bends saturation and value', async () => {
      const { matrix, curve, hue } = ADJUSTMENTS
      const generator = new Generator(15)
      for (const channels of [1, 3] as const) {
        const structure = { ...plain, ...(channels === 3 ? rgb : {}), colour: true, curves: true, height: 6, width: 9 }
        await compare(
          `${channels} channels`,
          [7, 6, 9, channels],
          structure,
          (p, i) => {
            p.set([[matrix], [curve], [matrix, curve, hue], [0, curve, curve, matrix]][i % 4]!, AT.order)
            for (let k = 0; k < 12; k++) {
              p[AT.matrix + k] = k % 4 === 3 ? generator.uniform(-0.2, 0.2) : generator.uniform(-0.3, 0.6)
            }
            for (const k of [0, 3]) {
              p.set([2 ** generator.uniform(-2, 2), generator.uniform(0.7, 1.4), generator.uniform(-0.1, 0.1)], 28 + k)
            }
            p[19] = generator.uniform(-0.1, 0.1)
          },
          28,
        )
      }
    })

    it('bends greys, black and pure colours as it should', async () => {
      const shape: ImageShape = [1, 1, 5, 3]
      const structure = {
        ...plain,
        colour: true,
        curves: true,
        height: 1,
        width: 5,
        mean: [0, 0, 0],
        deviation: [1, 1, 1],
      }
      const bent = parametersOf(1, shape, p => {
        p[AT.order] = ADJUSTMENTS.curve
        p.set([2, 1, -0.1, 0.5, 0.5, 0.1], AT.curve)
      })
      const bytes = Uint8Array.of(0, 0, 0, 51, 51, 51, 255, 255, 255, 0, 255, 0, 102, 51, 51)
      // Value v becomes √v / 2 + 0.1, saturation s² − 0.1.
      const [fifth, last] = [Math.sqrt(0.2) / 2 + 0.1, Math.sqrt(0.4) / 2 + 0.1]
      const expected = [
        0.1,
        0.1,
        0.1,
        fifth,
        fifth,
        fifth,
        0.6,
        0.6,
        0.6,
        0.06,
        0.6,
        0.06,
        last,
        0.85 * last,
        0.85 * last,
      ]
      assertClose(await run(shape, bent, structure, bytes), expected, 2e-6, 'curve')
    })

    it('normalises every view by its own mean, and deviation, and drops channels', async () => {
      const generator = new Generator(16)
      for (const shape of [
        [3, 7, 5, 3],
        [2, 1, 1, 3],
        [3, 33, 65, 1],
      ] as const) {
        for (const standardise of ['mean', 'full'] as const) {
          for (const [noise, colour] of [
            [false, false],
            [true, false],
            [true, true],
          ]) {
            const structure: AugmentStructure = {
              ...plain,
              ...(shape[3] === 3 ? rgb : {}),
              height: shape[1],
              width: shape[2],
              colour: colour!,
              contrast: 'luma',
              standardise,
              noise: noise!,
            }
            await compare(
              `${shape} ${standardise} ${noise} ${colour}`,
              shape,
              structure,
              (p, i) => {
                p[AT.kept] = i % 4
                p.set([i % 2, generator.integer(2 ** 24), generator.integer(2 ** 24)], AT.noise)
                // No value is near it; a hair away from it the two devices might differ.
                p[7] = i % 3 === 0 ? 0.5 : 2
                p[AT.order] = ADJUSTMENTS.contrast
                p[17] = 1.3
              },
              4 * shape[0],
            )
          }
        }
      }
    })

    it('a nearly flat view keeps the digits of its deviation, and a flat one is all zero', async () => {
      const shape: ImageShape = [2, 16, 16, 1]
      const bytes = Uint8Array.from({ length: 512 }, (_, i) => (i < 256 ? 200 + (i === 37 ? 1 : 0) : 9))
      const structure = { ...plain, height: 16, width: 16, standardise: 'mean' } as const
      const views = await run(shape, parametersOf(2, shape), structure, bytes)
      const centre = (200 + 1 / 256) / 255
      assertClose(
        views,
        Array.from(bytes, (byte, i) => (i < 256 ? (byte / 255 - centre) / 0.3 : 0)),
        1e-6,
        'mean',
      )
      // An eighth of a byte's step, less than the least deviation that a view is divided by.
      const full = await run(shape, parametersOf(2, shape), { ...structure, standardise: 'full' }, bytes)
      assertClose(
        full,
        Array.from(bytes, (byte, i) => (i < 256 ? byte - 200 - 1 / 256 : 0)),
        1e-4,
        'full',
      )
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
      const blur = ['augment_blur', 'augment_blur']
      assert.deepEqual(kernels({ blurRadius: 2 }), ['augment_sample', ...blur])
      assert.deepEqual(kernels({ colour: true, blurRadius: 2 }), ['augment_sample', 'augment_colour', ...blur])
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
