import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ADJUSTMENTS, AT, type AugmentStructure } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { devices } from '../conformance/devices.js'
import { assertClose, augmenting, type ImageShape, parametersOf, plain, rgb } from './augmenting.js'

for (const { name, open } of devices)
  describe(`augment: colours, blur and normalisation on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    const { run, compare } = augmenting(() => device)

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
  })
