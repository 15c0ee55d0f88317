import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { AT, PARAMETERS } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { NEIGHBOURS, type PatchPairOptions, patchPair } from '../../src/views/patchPair.js'
import { devices } from '../conformance/devices.js'
import { randomImages, runPlan } from './runPlan.js'
import { assertFrequency, assertUniform, assertUniformIntegers } from './statistics.js'

const small: PatchPairOptions = { patch: 9, gap: 1, jitter: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }
const cifar = { height: 32, width: 32 }

/** Where each patch's upper left corner lies, in pixels of the source, and how many of them one of its pixels takes. */
function cornersOf(parameters: Float32Array): { x: number; y: number; step: number }[] {
  return Array.from({ length: parameters.length / PARAMETERS }, (_, i) => {
    const [a, b, c, d, e, f] = parameters.subarray(i * PARAMETERS, i * PARAMETERS + 6) as unknown as number[]
    assert.ok(b! + 0 === 0 && d! + 0 === 0 && a === e)
    return { x: c! + 0.5 - a! / 2, y: f! + 0.5 - e! / 2, step: a! }
  })
}

describe('patchPair', () => {
  it('draws each of the eight neighbours as often, patches beside each other, moved by the jitter', () => {
    const plan = patchPair(small)
    assert.deepEqual([plan.structures.length, plan.targetsPerImage], [2, 1])
    const { parameters, targets } = plan.draw(new Generator(1), 8000, cifar)
    assertUniformIntegers([...targets!], 0, 7, 'neighbour')
    const [first, second] = parameters.map(cornersOf) as [ReturnType<typeof cornersOf>, ReturnType<typeof cornersOf>]
    for (const axis of ['x', 'y'] as const) {
      const differences = first.map((corner, i) => {
        const offset = NEIGHBOURS[targets![i]!]![axis === 'x' ? 0 : 1]
        return second[i]![axis] - corner[axis] - offset * (small.patch + small.gap)
      })
      // The difference of two numbers from −1, 0, 1.
      for (const [value, probability] of [
        [-2, 1 / 9],
        [-1, 2 / 9],
        [0, 3 / 9],
        [1, 2 / 9],
        [2, 1 / 9],
      ] as const) {
        assertFrequency(differences.filter(d => d === value).length, 8000, probability, `${axis} ${value}`)
      }
    }
    const all = [...first, ...second]
    assert.ok(all.every(({ x, y, step }) => step === 1 && Number.isInteger(x) && Number.isInteger(y)))
    const places = all.flatMap(({ x, y }) => [x, y])
    assert.deepEqual([Math.min(...places), Math.max(...places)], [0, 32 - 9])
  })

  it('draws the first patch anywhere where both have room', () => {
    const { parameters, targets } = patchPair({ ...small, jitter: 0 }).draw(new Generator(1), 8000, cifar)
    const right = cornersOf(parameters[0]!).filter((_, i) => targets![i] === 4)
    assertUniformIntegers(
      right.map(({ x }) => x),
      0,
      32 - 9 - 10,
      'column',
    )
    assertUniformIntegers(
      right.map(({ y }) => y),
      0,
      32 - 9,
      'row',
    )
  })

  it('scales large images first: patches of 96 at 150,000 to 450,000 pixels', () => {
    const paper = { ...small, patch: 96, gap: 48, jitter: 7, pixels: [150_000, 450_000] } as const
    const source = { height: 375, width: 500 }
    const { parameters, targets } = patchPair(paper).draw(new Generator(1), 3000, source)
    const [first, second] = parameters.map(cornersOf) as [ReturnType<typeof cornersOf>, ReturnType<typeof cornersOf>]
    assertUniform(
      first.map(({ step }) => (375 * 500) / step ** 2),
      150_000,
      450_000,
      'pixels',
    )
    for (const [i, { x, y, step }] of first.entries()) {
      for (const [from, to, offset, extent] of [
        [x, second[i]!.x, NEIGHBOURS[targets![i]!]![0], 500],
        [y, second[i]!.y, NEIGHBOURS[targets![i]!]![1], 375],
      ] as const) {
        assert.ok(Math.abs((to - from) / step - offset * 144) < 14.01)
        assert.ok(Math.min(from, to) > -0.01 && Math.max(from, to) + 96 * step < extent + 0.01)
      }
    }
  })

  it('is the same for the same generator, and a longer draw begins like a shorter one', () => {
    const plan = patchPair({ ...small, aberration: 'dropping', pixelate: { probability: 0.33, least: 2 } })
    const draw = (count: number, seed = 1) => plan.draw(new Generator(seed), count, cifar)
    assert.deepEqual(draw(5), draw(5))
    assert.deepEqual(draw(5).targets, draw(9).targets!.slice(0, 5))
    for (const view of [0, 1]) {
      assert.deepEqual(draw(5).parameters[view], draw(9).parameters[view]!.slice(0, 5 * PARAMETERS))
    }
    assert.notDeepEqual(draw(5), draw(5, 2))
  })

  it('says what is wrong where the patches have no room', () => {
    const draw = (options: PatchPairOptions, source: { height: number; width: number }) => () =>
      patchPair(options).draw(new Generator(1), 1, source)
    draw({ ...small, patch: 14, gap: 2 }, cifar)()
    assert.throws(draw({ ...small, patch: 15, gap: 2 }, cifar), {
      name: 'ConfigError',
      message:
        'patchPair: two patches of 15 with a gap of 2 and a jitter of 1 want 34 pixels along each side, the images have ' +
        '32 × 32; take smaller patches',
    })
    assert.throws(
      draw({ ...small, patch: 96, gap: 48, jitter: 7, pixels: [60_000, 90_000] }, { height: 64, width: 64 }),
      {
        message:
          /want 254 pixels along each side, the images have 64 × 64, scaled to 60000 pixels 244 on the shorter side/,
      },
    )
    for (const wrong of [{ patch: 0 }, { gap: 0.5 }, { jitter: -1 }]) {
      assert.throws(() => patchPair({ ...small, ...wrong }), ConfigError)
    }
  })

  for (const { name, open } of devices) {
    describe(`on ${name}`, () => {
      let device: Device
      before(async () => {
        device = await open()
      })
      after(() => device.close())

      it('cuts patches out of the image as they are', async () => {
        const images = randomImages([20, 32, 32, 3])
        const plan = patchPair({ ...small, mean: [0, 0, 0], std: [1, 1, 1] })
        const views = await runPlan(plan, images, device)
        const { parameters } = plan.draw(new Generator(1), 20, cifar)
        for (const [view, pixels] of views.entries()) {
          const corners = cornersOf(parameters[view]!)
          const expected = corners.flatMap(({ x, y }, n) =>
            Array.from({ length: 9 }, (_, row) => {
              const at = ((n * 32 + y + row) * 32 + x) * 3
              return Array.from(images.data.subarray(at, at + 27), byte => Math.fround(byte / 255))
            }).flat(),
          )
          assert.deepEqual(Array.from(pixels), expected)
        }
      })

      it('projection leaves nothing between green and magenta, and greys as they are', async () => {
        const options = { ...small, mean: [0, 0, 0], std: [1, 1, 1] }
        const plain = await runPlan(patchPair(options), randomImages([10, 32, 32, 3]), device)
        const projected = await runPlan(
          patchPair({ ...options, aberration: 'projection' }),
          randomImages([10, 32, 32, 3]),
          device,
        )
        for (const [view, pixels] of projected.entries()) {
          for (let i = 0; i < pixels.length; i += 3) {
            const [r, g, b] = pixels.subarray(i, i + 3) as unknown as [number, number, number]
            assert.ok(Math.abs(-r + 2 * g - b) < 1e-6)
            const before = plain[view]!.subarray(i, i + 3) as unknown as [number, number, number]
            // What is left is what it was: brightness, and red against blue.
            assert.ok(Math.abs(r + g + b - (before[0] + before[1] + before[2])) < 1e-6)
            assert.ok(Math.abs(r - b - (before[0] - before[2])) < 1e-6)
          }
        }
      })

      it('dropping keeps one channel about its mean, and noise of a hundredth of its deviation', async () => {
        for (const standardise of ['mean', 'full'] as const) {
          const plan = patchPair({ ...small, aberration: 'dropping', standardise, std: [0.5, 0.25, 0.125] })
          const views = await runPlan(plan, randomImages([40, 32, 32, 3]), device)
          const { parameters } = plan.draw(new Generator(1), 40, cifar)
          const ratios: number[] = []
          for (const [view, pixels] of views.entries()) {
            for (let n = 0; n < 40; n++) {
              const kept = parameters[view]![n * PARAMETERS + AT.kept]! - 1
              const deviations = [0, 1, 2].map(c => {
                const values = Array.from({ length: 81 }, (_, i) => pixels[(n * 81 + i) * 3 + c]!)
                const mean = values.reduce((sum, value) => sum + value, 0) / 81
                if (c === kept) assert.ok(Math.abs(mean) < 1e-5)
                return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 81)
              })
              if (standardise === 'full') assert.ok(Math.abs(deviations[kept]! - 1) < 1e-5)
              for (const c of [0, 1, 2]) if (c !== kept) ratios.push(deviations[c]! / deviations[kept]!)
            }
          }
          const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
          assert.ok(Math.abs(mean - 0.01) < 0.0003, `${mean}`)
        }
      })

      it('sends some patches through fewer pixels', async () => {
        const options = { ...small, mean: [0, 0, 0], std: [1, 1, 1] }
        const plan = patchPair({ ...options, pixelate: { probability: 0.5, least: 2 } })
        const images = randomImages([40, 32, 32, 3])
        const views = await runPlan(plan, images, device)
        const plain = await runPlan(patchPair(options), images, device)
        const { parameters } = plan.draw(new Generator(1), 40, cifar)
        for (let n = 0; n < 40; n++) {
          const cells = parameters[0]![n * PARAMETERS + AT.cells]!
          const [a, b] = [views[0]!, plain[0]!].map(all => [...all.subarray(n * 243, (n + 1) * 243)]) as [
            number[],
            number[],
          ]
          if (cells === 0) assert.deepEqual(a, b)
          else assert.notDeepEqual(a, b)
          assert.ok(cells === 0 || (cells >= 2 && cells <= 8))
        }
      })
    })
  }
})
