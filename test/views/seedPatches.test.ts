import assert from 'node:assert/strict'
import { ConfigError, DataError } from '../../src/device/errors.js'
import { Generator } from '../../src/tensor/philox.js'
import { seedPatches } from '../../src/views/seedPatches.js'
import { Urn } from '../../src/views/urn.js'
import { randomImages } from './runPlan.js'
import { assertFrequency } from './statistics.js'

const generator = () => new Generator(5)

/** Flat images with a step of a given height between the two columns in the middle. */
function steps(heights: readonly number[], side: number) {
  const images = Uint8Array.from({ length: heights.length * side * side }, (_, i) =>
    i % side < side / 2 ? 100 : 100 + heights[Math.floor(i / side ** 2)]!,
  )
  return { images, count: heights.length, height: side, width: side, channels: 1 }
}

describe('seedPatches', () => {
  it('takes images in proportion to their squared gradient, and never a flat one', () => {
    const images = steps([10, 0, 20, 30], 6)
    const times = new Map<number, number>()
    for (let seed = 0; seed < 3000; seed++) {
      const patch = seedPatches(images, { count: 1, size: 6, generator: new Generator(seed) })
      times.set(patch[5]! - 100, (times.get(patch[5]! - 100) ?? 0) + 1)
    }
    assert.equal(times.get(0), undefined)
    for (const height of [10, 20, 30]) assertFrequency(times.get(height)!, 3000, height ** 2 / 1400, `step ${height}`)
  })

  it('takes places in proportion to their squared gradient', () => {
    // Along a row of the image the gradient reaches columns 3 and 4: a patch of 2 × 2 at column x holds 0, 1 or 2 of them.
    const images = steps([50], 8)
    const times = [0, 0, 0, 0, 0, 0, 0]
    for (let seed = 0; seed < 3000; seed++) {
      const patch = seedPatches(images, { count: 1, size: 2, generator: new Generator(seed) })
      // Both columns dark, a step, or both bright: columns 2, 3 and 4.
      times[patch[1] === 100 ? 2 : patch[0] === 100 ? 3 : 4]! += 1
    }
    for (const [column, share] of [
      [2, 0.25],
      [3, 0.5],
      [4, 0.25],
    ] as const) {
      assertFrequency(times[column]!, 3000, share, `column ${column}`)
    }
  })

  it('cuts squares out of the images as they are, each once', () => {
    const { data, shape } = randomImages([3, 5, 6, 3])
    const images = { images: data, count: 3, height: 5, width: 6, channels: 3 }
    const size = 4
    // Two by three places in each image.
    const all = seedPatches(images, { count: 18, size, generator: generator() })
    const cuts = new Set<string>()
    for (let image = 0; image < shape[0]; image++) {
      for (let top = 0; top < 2; top++) {
        for (let left = 0; left < 3; left++) {
          const rows = [0, 1, 2, 3].map(y => {
            const at = ((image * 5 + top + y) * 6 + left) * 3
            return [...data.subarray(at, at + 12)]
          })
          cuts.add(rows.flat().join())
        }
      }
    }
    const bytes = size * size * 3
    const drawn = new Set(Array.from({ length: 18 }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes).join()))
    assert.deepEqual(drawn, cuts)
    assert.deepEqual(seedPatches(images, { count: 5, size, generator: generator() }), all.subarray(0, 5 * bytes))
    assert.throws(() => seedPatches(images, { count: 19, size, generator: generator() }), {
      name: 'DataError',
      message: /wants 19 squares of 4 pixels in 3 images, but there are only 18/,
    })
  })

  it('scales larger squares down by the mean of what a pixel covers', () => {
    const images = {
      images: Uint8Array.of(0, 30, 60, 90, 120, 150, 180, 210, 240),
      count: 1,
      height: 3,
      width: 3,
      channels: 1,
    }
    const patch = seedPatches(images, { count: 1, size: 2, scales: [1.5], generator: generator() })
    // Each pixel covers one and a half: (1·0 + ½·30 + ½·90 + ¼·120) / 2.25 and so on.
    assert.deepEqual([...patch], [40, 80, 160, 200])
    const { data } = randomImages([2, 8, 8, 3])
    const drawn = seedPatches(
      { images: data, count: 2, height: 8, width: 8, channels: 3 },
      { count: 20, size: 3, scales: [1, 2], generator: generator() },
    )
    assert.equal(drawn.length, 20 * 27)
  })

  it('refuses what does not fit', () => {
    const images = steps([10, 20], 6)
    for (const wrong of [
      { size: 7 },
      { size: 0 },
      { size: 4, scales: [2] },
      { size: 4, scales: [0.5] },
      { size: 4, scales: [] },
    ]) {
      assert.throws(() => seedPatches(images, { count: 1, generator: generator(), ...wrong }), ConfigError)
    }
    assert.throws(() => seedPatches(steps([0], 6), { count: 1, size: 6, generator: generator() }), DataError)
  })
})

describe('Urn', () => {
  it('gives the number in whose part a position lies, and none without weight', () => {
    const urn = new Urn([0, 2, 0, 3, 1, 0])
    assert.equal(urn.total, 6)
    assert.deepEqual(
      [0, 1.9, 2, 4.9, 5, 5.9, 6].map(position => urn.at(position)),
      [1, 1, 3, 3, 4, 4, 4],
    )
    urn.set(3, 0)
    urn.set(0, 0.5)
    assert.equal(urn.total, 3.5)
    assert.deepEqual(
      [0, 0.6, 2.4, 2.6, 3.5].map(position => urn.at(position)),
      [0, 1, 1, 4, 4],
    )
    assert.equal(new Urn([]).total, 0)
    assert.equal(new Urn([4]).at(1), 0)
  })
})
