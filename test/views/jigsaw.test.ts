import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { PARAMETERS } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { type JigsawOptions, jigsaw } from '../../src/views/jigsaw.js'
import { distantPermutations } from '../../src/views/permutations.js'
import { devices } from '../conformance/devices.js'
import { randomImages, runPlan } from './runPlan.js'
import { assertFrequency, assertUniformIntegers } from './statistics.js'

const small: JigsawOptions = {
  cell: 10,
  tile: 8,
  permutations: 24,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  standardise: false,
}
const cifar = { height: 32, width: 32 }

function hamming(a: readonly number[], b: readonly number[]): number {
  return a.filter((tile, place) => tile !== b[place]).length
}

/** Upper left corners in pixels of the source. */
function cornersOf(parameters: Float32Array): [x: number, y: number][] {
  return Array.from({ length: parameters.length / PARAMETERS }, (_, i) => {
    const p = parameters.subarray(i * PARAMETERS)
    return [p[2]! + 0.5 - p[0]! / 2, p[5]! + 0.5 - p[4]! / 2]
  })
}

describe('distantPermutations', () => {
  it('are permutations, no two the same, and the same every time', () => {
    const set = distantPermutations(40)
    for (const permutation of set) assert.deepEqual([...permutation].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.equal(new Set(set.map(String)).size, 40)
    assert.deepEqual(set[0], [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(distantPermutations(20), set.slice(0, 20))
  })

  it('are chosen greedily by the sum of distances: each has the largest there is', () => {
    const set = distantPermutations(12)
    const total = (permutation: readonly number[], size: number) =>
      set.slice(0, size).reduce((sum, other) => sum + hamming(permutation, other), 0)
    const generator = new Generator(1)
    for (let size = 1; size < 12; size++) {
      const got = total(set[size]!, size)
      for (let trial = 0; trial < 200; trial++) assert.ok(total([...generator.permutation(9)], size) <= got)
    }
    // Nine can all differ in every place.
    for (let i = 0; i < 9; i++) for (let j = 0; j < i; j++) assert.ok(hamming(set[i]!, set[j]!) >= 8)
  })

  it('keeps a hundred apart: by 8.08 on average, and by 4 at least', () => {
    const set = distantPermutations(100)
    const distances = set.flatMap((a, i) => set.slice(0, i).map(b => hamming(a, b)))
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length
    assert.ok(Math.abs(mean - 8.08) < 0.005, `${mean}`)
    assert.equal(Math.min(...distances), 4)
  })

  it('wants a number of them that there is', () => {
    for (const count of [1, 2.5, 362_881]) assert.throws(() => distantPermutations(count), ConfigError)
  })
})

describe('jigsaw', () => {
  it('shows the tiles of a grid in the order of the target', () => {
    const plan = jigsaw(small)
    assert.deepEqual([plan.structures.length, plan.targetsPerImage], [9, 1])
    const { parameters, targets } = plan.draw(new Generator(1), 6000, cifar)
    assertUniformIntegers([...targets!], 0, 23, 'permutation')
    const permutations = distantPermutations(24)
    const views = parameters.map(cornersOf)
    const within: number[] = []
    const corners: number[] = []
    for (let i = 0; i < 6000; i++) {
      const tiles: [number, number][] = []
      permutations[targets![i]!]!.forEach((place, view) => {
        tiles[place] = views[view]![i]!
      })
      // All tiles lie in their cells of one grid somewhere in the image.
      const left = Math.max(...tiles.map(([x], place) => x - (place % 3) * 10)) - 2
      const top = Math.max(...tiles.map(([, y], place) => y - Math.floor(place / 3) * 10)) - 2
      corners.push(left, top)
      for (const [place, [x, y]] of tiles.entries()) {
        within.push(x - (place % 3) * 10 - left, y - Math.floor(place / 3) * 10 - top)
      }
    }
    assert.ok(within.every(offset => Number.isInteger(offset) && offset >= 0 && offset <= 2))
    // They are measured from the largest of nine, which is not 2 in (2/3)⁹ = 2.6 % of the grids; hence so wide a bound.
    for (const offset of [0, 1, 2]) {
      const share = within.filter(o => o === offset).length / within.length
      assert.ok(Math.abs(share - 1 / 3) < 0.02, `offset ${offset}: ${share}`)
    }
    for (const corner of [0, 1]) assertFrequency(corners.filter(c => c === corner).length, 12_000, 1 / 3, `${corner}`)
  })

  it('scales the image first', () => {
    const plan = jigsaw({ ...small, cell: 75, tile: 64, side: 256 })
    const { parameters } = plan.draw(new Generator(1), 50, { height: 512, width: 768 })
    for (const view of parameters) {
      for (let i = 0; i < 50; i++) assert.equal(view[i * PARAMETERS], 2)
      for (const [x, y] of cornersOf(view)) assert.ok(x >= 0 && y >= 0 && x + 128 <= 768 && y + 128 <= 512)
    }
  })

  it('turns all tiles of an image grey, or none', () => {
    const plan = jigsaw({ ...small, greyscale: 0.3 })
    assert.equal(plan.structures[0]!.colour, true)
    const { parameters } = plan.draw(new Generator(1), 4000, cifar)
    const grey = (view: number) => Array.from({ length: 4000 }, (_, i) => parameters[view]![i * PARAMETERS + 6])
    assertFrequency(grey(0).filter(value => value === 1).length, 4000, 0.3, 'grey')
    for (let view = 1; view < 9; view++) assert.deepEqual(grey(view), grey(0))
  })

  it('says what is wrong', () => {
    for (const wrong of [{ tile: 11 }, { tile: 0 }, { cell: 9.5 }, { permutations: 1 }]) {
      assert.throws(() => jigsaw({ ...small, ...wrong }), ConfigError)
    }
    assert.throws(() => jigsaw({ ...small, cell: 11 }).draw(new Generator(1), 1, cifar), {
      name: 'ConfigError',
      message:
        'jigsaw: nine cells of 11 want 33 pixels along each side, the images have 32 × 32; take cells of at most 10',
    })
  })

  for (const { name, open } of devices) {
    describe(`on ${name}`, () => {
      let device: Device
      before(async () => {
        device = await open()
      })
      after(() => device.close())

      it('cuts tiles out of the image as they are', async () => {
        const images = randomImages([6, 32, 32, 3])
        const plan = jigsaw(small)
        const views = await runPlan(plan, images, device)
        const { parameters } = plan.draw(new Generator(1), 6, cifar)
        for (const [view, pixels] of views.entries()) {
          const expected = cornersOf(parameters[view]!).flatMap(([x, y], n) =>
            Array.from({ length: 8 }, (_, row) => {
              const at = ((n * 32 + y + row) * 32 + x) * 3
              return Array.from(images.data.subarray(at, at + 24), byte => Math.fround(byte / 255))
            }).flat(),
          )
          assert.deepEqual(Array.from(pixels), expected)
        }
      })

      it('normalises each tile by its own mean and deviation', async () => {
        const plan = jigsaw({ ...small, standardise: true, greyscale: 0.5 })
        for (const pixels of await runPlan(plan, randomImages([6, 32, 32, 3]), device)) {
          for (let n = 0; n < 6; n++) {
            for (const c of [0, 1, 2]) {
              const values = Array.from({ length: 64 }, (_, i) => pixels[(n * 64 + i) * 3 + c]!)
              const mean = values.reduce((sum, value) => sum + value, 0) / 64
              const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 64
              assert.ok(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-5)
            }
          }
        }
      })
    })
  }
})
