import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { ADJUSTMENTS, AT, PARAMETERS } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { drawView } from '../../src/views/draw.js'
import { colourComponents, exemplarView } from '../../src/views/exemplar.js'
import { assertUniform } from './statistics.js'

const identity = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]
const rgb = { size: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] }

function rows(options: Parameters<typeof exemplarView>[0], count: number, side: number): number[][] {
  const all = drawView(exemplarView(options), new Generator(3), count, { height: side, width: side })
  return Array.from({ length: count }, (_, i) => Array.from(all.subarray(i * PARAMETERS, (i + 1) * PARAMETERS)))
}

describe('exemplarView', () => {
  it('moves, scales and turns as far as the paper says', () => {
    const all = rows({ ...rgb, components: identity, extent: 0.5 }, 4000, 64)
    // A patch of 32 of 64 pixels: the map's scale is the drawn one, the middle of the view lies where it was moved to.
    assertUniform(
      all.map(p => Math.log(Math.hypot(p[0]!, p[3]!))),
      Math.log(0.7),
      Math.log(1.4),
      'scale',
    )
    const angle = (p: number[]) => Math.atan2(p[3]!, p[0]!)
    assertUniform(all.map(angle), -Math.PI / 9, Math.PI / 9, 'angle')
    for (const at of [0, 3]) {
      const moved = all.map(p => p[at]! * 15.5 + p[at + 1]! * 15.5 + p[at + 2]! - 31.5)
      assertUniform(moved, -0.2 * 32, 0.2 * 32, at === 0 ? 'to the side' : 'down')
    }
    for (const p of all) {
      // A turn and a scale, nothing skewed.
      assert.ok(Math.abs(p[0]! - p[4]!) < 1e-5 && Math.abs(p[1]! + p[3]!) < 1e-5)
    }
  })

  it('draws a factor for each component, and powers, factors and summands of saturation and value', () => {
    const all = rows({ ...rgb, components: identity }, 4000, 32)
    const log = (at: number) => all.map(p => Math.log2(p[at]!))
    for (const c of [0, 1, 2]) assertUniform(log(AT.matrix + 5 * c), -1, 1, `contrast ${c}`)
    for (const at of [AT.curve, AT.curve + 3]) {
      assertUniform(log(at), -2, 2, 'power')
      assertUniform(log(at + 1), Math.log2(0.7), Math.log2(1.4), 'factor')
      assertUniform(
        all.map(p => p[at + 2]!),
        -0.1,
        0.1,
        'summand',
      )
    }
    assertUniform(
      all.map(p => p[AT.factors + 3]!),
      -0.1,
      0.1,
      'hue',
    )
    const order = [ADJUSTMENTS.matrix, ADJUSTMENTS.curve, ADJUSTMENTS.hue, ADJUSTMENTS.none]
    for (const p of all) assert.deepEqual(p.slice(AT.order, AT.order + 4), order)
  })

  it('scales along the components about the mean, and leaves the mean where it is', () => {
    const [half, root] = [0.5, Math.sqrt(0.5)]
    const components = [
      [half, root, half],
      [half, -root, half],
      [root, 0, -root],
    ]
    for (const p of rows({ ...rgb, components }, 20, 32)) {
      const mixed = (x: readonly number[]) =>
        [0, 1, 2].map(c => {
          const row = p.slice(AT.matrix + 4 * c, AT.matrix + 4 * c + 4)
          return x.reduce((sum, value, from) => sum + row[from]! * value, row[3]!)
        })
      const near = (a: readonly number[], b: readonly number[]) => a.every((value, i) => Math.abs(value - b[i]!) < 1e-6)
      assert.ok(near(mixed(rgb.mean), rgb.mean))
      for (let k = 0; k < 3; k++) {
        const direction = components.map(row => row[k]!)
        const moved = mixed(rgb.mean.map((value, c) => value + direction[c]!)).map((value, c) => value - rgb.mean[c]!)
        const factor = moved.reduce((sum, value, c) => sum + value * direction[c]!, 0)
        assert.ok(factor > 0.5 - 1e-6 && factor < 2 + 1e-6)
        assert.ok(
          near(
            moved,
            direction.map(value => factor * value),
          ),
        )
      }
    }
  })

  it('gives grey patches a contrast and the curve of their value', () => {
    for (const p of rows({ size: 28, mean: [0.1], std: [0.3], components: [[1]] }, 50, 28)) {
      const [factor, summand] = [p[AT.matrix]!, p[AT.matrix + 3]!]
      assert.ok(factor >= 0.5 && factor <= 2)
      assert.ok(Math.abs(0.1 * factor + summand - 0.1) < 1e-7)
    }
    const wrong = { size: 28, mean: [0.1], std: [0.3], components: identity }
    assert.throws(() => rows(wrong, 1, 28), ConfigError)
  })
})

describe('colourComponents', () => {
  it('are the directions that colours vary in, the largest first', () => {
    const generator = new Generator(1)
    // Along (2, 1, 0) by up to 40, along (−1, 2, 0) by up to 8, blue not at all.
    const images = Uint8Array.from({ length: 3 * 4000 }, () => 0)
    for (let i = 0; i < 4000; i++) {
      const [a, b] = [generator.uniform(-40, 40), generator.uniform(-8, 8)]
      images.set([Math.round(128 + 2 * a - b), Math.round(100 + a + 2 * b), 7], 3 * i)
    }
    const components = colourComponents({ images, count: 10, height: 20, width: 20, channels: 3 })
    const along = (k: number, direction: number[]) =>
      Math.abs(components.reduce((sum, row, c) => sum + row[k]! * direction[c]!, 0)) / Math.hypot(...direction)
    assert.ok(along(0, [2, 1, 0]) > 0.999)
    assert.ok(along(1, [-1, 2, 0]) > 0.999)
    assert.ok(along(2, [0, 0, 1]) > 0.999)
  })

  it('of grey images are the one there is', () => {
    const images = { images: Uint8Array.of(1, 2, 3, 4), count: 1, height: 2, width: 2, channels: 1 }
    assert.deepEqual(
      colourComponents(images).map(row => row.map(Math.abs)),
      [[1]],
    )
    assert.throws(() => colourComponents({ ...images, images: new Uint8Array(), count: 0 }), ConfigError)
  })
})
