import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { ADJUSTMENTS, AT, PARAMETERS } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { drawView } from '../../src/views/draw.js'
import { peerView, simclrView } from '../../src/views/presets.js'
import { structureOf, type ViewSpec } from '../../src/views/spec.js'
import { assertFrequency, assertUniform } from './statistics.js'

const rgb = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }
const grey = { mean: [0.1], std: [0.3] }
const simclr = simclrView({ size: 32, ...rgb, strength: 0.5, blur: true })
const square = { height: 32, width: 32 }

/** A view that changes nothing. */
const still: ViewSpec = {
  height: 8,
  width: 8,
  interpolation: 'bilinear',
  padding: 'zeros',
  flip: 0,
  rotation: 0,
  greyscale: 0,
  normalise: grey,
}

/** One row of parameters for each image, without negative zeros. */
function rows(spec: ViewSpec, count: number, source = square, seed = 1): number[][] {
  const all = drawView(spec, new Generator(seed), count, source)
  return Array.from({ length: count }, (_, i) =>
    Array.from(all.subarray(i * PARAMETERS, (i + 1) * PARAMETERS), value => value + 0),
  )
}

describe('drawView', () => {
  it('is the same for the same generator, and a longer draw begins like a shorter one', () => {
    assert.deepEqual(rows(simclr, 5), rows(simclr, 9).slice(0, 5))
    assert.notDeepEqual(rows(simclr, 5), rows(simclr, 5, square, 2))
  })

  it('draws nothing where there is nothing to draw', () => {
    const nothing = [1, 0, 0, 0, 1, 0, 0, 2, 0, 0, 7, 7, ...new Array(PARAMETERS - 12).fill(0)]
    assert.deepEqual(rows(still, 1, { height: 8, width: 8 })[0], nothing)
    const [turned] = rows({ ...still, height: 4, width: 16 }, 1, { height: 8, width: 8 })
    assert.deepEqual(turned!.slice(0, 6), [0.5, 0, -0.25, 0, 2, 0.5])
  })

  it('crops whole pixels of an allowed area and aspect, everywhere', () => {
    const source = { height: 40, width: 60 }
    const areas: number[] = []
    const corners = new Set<string>()
    for (const p of rows({ ...simclr, flip: 0 }, 4000, source)) {
      const [left, top, right, bottom] = p.slice(AT.crop, AT.crop + 4) as [number, number, number, number]
      const [width, height] = [right - left + 1, bottom - top + 1]
      assert.ok([left, top, right, bottom].every(Number.isInteger))
      assert.ok(left >= 0 && top >= 0 && right < 60 && bottom < 40)
      assert.ok(width / (height + 0.5) < 4 / 3 + 0.1 && (width + 0.5) / height > 3 / 4 - 0.1, `${width}×${height}`)
      areas.push((width * height) / 2400)
      corners.add(`${left === 0} ${right === 59} ${top === 0} ${bottom === 39}`)
      // The output's outer edges lie on the crop's.
      const [a, b, c, d, e, f] = p as [number, number, number, number, number, number]
      assert.ok(Math.abs(a * -0.5 + c - (left - 0.5)) < 1e-4 && Math.abs(a * 31.5 + c - (right + 0.5)) < 1e-4)
      assert.ok(Math.abs(e * -0.5 + f - (top - 0.5)) < 1e-4 && Math.abs(e * 31.5 + f - (bottom + 0.5)) < 1e-4)
      assert.deepEqual([b, d], [0, 0])
    }
    assert.ok(Math.min(...areas) < 0.09 && Math.min(...areas) > 0.07 && Math.max(...areas) > 0.85)
    assert.ok(corners.size > 8)
  })

  it('draws the area uniformly and the aspect log-uniformly where every crop fits', () => {
    const crop = { kind: 'rectangle', area: [0.1, 0.3], aspect: [3 / 4, 4 / 3] } as const
    const boxes = rows({ ...still, crop }, 4000, { height: 1000, width: 1000 }).map(p => [
      p[AT.crop + 2]! - p[AT.crop]! + 1,
      p[AT.crop + 3]! - p[AT.crop + 1]! + 1,
    ])
    assertUniform(
      boxes.map(([width, height]) => (width! * height!) / 1e6),
      0.0995,
      0.3005,
      'area',
    )
    const logarithms = boxes.map(([width, height]) => Math.log(width! / height!))
    assertUniform(logarithms, Math.log(0.745), Math.log(1.342), 'aspect')
  })

  it('takes the largest centred crop after ten failures', () => {
    const crop = { kind: 'rectangle', area: [1, 1], aspect: [3 / 4, 4 / 3] } as const
    const cropOf = (source: { height: number; width: number }) =>
      rows({ ...still, crop }, 1, source)[0]!.slice(AT.crop, AT.crop + 4)
    assert.deepEqual(cropOf({ height: 30, width: 90 }), [25, 0, 64, 29])
    assert.deepEqual(cropOf({ height: 90, width: 30 }), [0, 25, 29, 64])
    assert.deepEqual(cropOf({ height: 1, width: 1 }), [0, 0, 0, 0])
  })

  it('draws what SimCLR says, as often as it says', () => {
    const count = 6000
    const all = rows(simclr, count)
    const share = (test: (p: number[]) => boolean) => all.filter(test).length
    assertFrequency(
      share(p => p[0]! < 0),
      count,
      0.5,
      'flip',
    )
    assertFrequency(
      share(p => p[AT.greyscale] === 1),
      count,
      0.2,
      'greyscale',
    )
    assertFrequency(
      share(p => p[AT.blur]! > 0),
      count,
      0.5,
      'blur',
    )
    assertFrequency(
      share(p => p[AT.order] !== 0),
      count,
      0.8,
      'jitter',
    )
    assertUniform(
      all.filter(p => p[AT.blur]! > 0).map(p => p[AT.blur]!),
      0.1,
      2,
      'sigma',
    )
    for (const which of [0, 1, 2])
      assertUniform(
        all.map(p => p[AT.factors + which]!),
        0.6,
        1.4,
        `factor ${which}`,
      )
    assertUniform(
      all.map(p => p[AT.factors + 3]!),
      -0.1,
      0.1,
      'hue',
    )
    const orders = new Map<string, number>()
    for (const p of all) {
      const order = p.slice(AT.order, AT.order + 4).join('')
      orders.set(order, (orders.get(order) ?? 0) + 1)
    }
    assert.equal(orders.size, 25)
    for (const [order, times] of orders) assertFrequency(times, count, order === '0000' ? 0.2 : 0.8 / 24, order)
    for (const p of all) {
      assert.equal(p[AT.solarise], 2)
      assert.ok(Math.abs(p[AT.hue]! - Math.cos(2 * Math.PI * p[AT.factors + 3]!)) < 1e-6)
      assert.ok(Math.abs(p[AT.hue + 1]! - Math.sin(2 * Math.PI * p[AT.factors + 3]!)) < 1e-6)
    }
  })

  it('moves the whole image by whole pixels, each offset as often as the others', () => {
    const all = rows({ ...still, height: 32, width: 32, move: { kind: 'shift', pixels: 2 } }, 5000)
    const offsets = new Map<string, number>()
    for (const p of all) {
      const [a, b, dx, c, d, dy] = p as [number, number, number, number, number, number]
      assert.deepEqual([a, b, c, d], [1, 0, 0, 1])
      assert.deepEqual(p.slice(AT.crop, AT.crop + 4), [0, 0, 31, 31])
      offsets.set(`${dx} ${dy}`, (offsets.get(`${dx} ${dy}`) ?? 0) + 1)
    }
    assert.equal(offsets.size, 25)
    for (const dx of [-2, -1, 0, 1, 2]) {
      for (const dy of [-2, -1, 0, 1, 2]) assertFrequency(offsets.get(`${dx} ${dy}`)!, 5000, 1 / 25, `${dx} ${dy}`)
    }
  })

  it('greyscale that comes first leaves no colour to jitter', () => {
    const all = rows(
      { ...simclr, greyscale: 0.5, greyscaleFirst: true, jitter: { ...simclr.jitter!, probability: 1 } },
      500,
    )
    const { brightness, contrast, saturation, hue } = ADJUSTMENTS
    for (const p of all) {
      const order = p.slice(AT.order, AT.order + 4)
      const kept = order.filter(code => code !== ADJUSTMENTS.none).sort()
      assert.deepEqual(kept, p[AT.greyscale] ? [brightness, contrast] : [brightness, contrast, saturation, hue])
    }
    const before = rows({ ...simclr, greyscale: 0.5, jitter: { ...simclr.jitter!, probability: 1 } }, 500)
    assert.deepEqual(
      all.map(p => [...p.slice(0, AT.order), ...p.slice(AT.factors)]),
      before.map(p => [...p.slice(0, AT.order), ...p.slice(AT.factors)]),
    )
  })

  it('draws a key for the noise of every image, and σ for all', () => {
    const all = rows({ ...still, noise: 0.15 }, 2000)
    for (const p of all) assert.equal(p[AT.noise], Math.fround(0.15))
    for (const which of [0, 1]) {
      const keys = all.map(p => p[AT.key + which]!)
      assert.ok(keys.every(Number.isInteger))
      assertUniform(keys, 0, 2 ** 24 - 1, `key ${which}`)
    }
    assert.ok(new Set(all.map(p => `${p[AT.key]} ${p[AT.key + 1]}`)).size === 2000)
    for (const p of rows(still, 5)) assert.deepEqual(p.slice(AT.noise, AT.curve), [0, 0, 0, 0])
  })

  it('an element that is added changes nothing of what is drawn before it', () => {
    const pixelated = { ...still, pixelate: { probability: 0.5, pixels: [4, 49] }, noise: 0.1 } as const
    for (const [p, plain] of rows(pixelated, 50).map((p, i) => [p, rows(pixelated, i + 1)[i]!] as const)) {
      assert.deepEqual(p, plain)
    }
    const first = (spec: ViewSpec) => rows(spec, 1)[0]!.slice(0, AT.cells)
    assert.deepEqual(
      first({ ...simclr, interpolation: 'bilinear', noise: 0.1 }),
      first({ ...simclr, interpolation: 'bilinear' }),
    )
  })

  it('pixelates by the root of a uniform number of pixels, and keeps each channel as often', () => {
    const all = rows(
      {
        ...still,
        normalise: rgb,
        pixelate: { probability: 0.33, pixels: [100, 9025] },
        standardise: 'mean',
        dropChannels: true,
      },
      6000,
    )
    const cells = all.map(p => p[AT.cells]!).filter(value => value > 0)
    assertFrequency(cells.length, 6000, 0.33, 'pixelated')
    assert.ok(cells.every(value => Number.isInteger(value) && value >= 10 && value <= 94))
    // Half of the pixels between, at √4562.5.
    assertFrequency(cells.filter(value => value < 67).length, cells.length, (67 ** 2 - 100) / 8925, 'few cells')
    for (const kept of [1, 2, 3]) assertFrequency(all.filter(p => p[AT.kept] === kept).length, 6000, 1 / 3, `${kept}`)
  })

  it('draws solarisation, and strengths beyond 1 without negative factors', () => {
    const jitter = { ...simclr.jitter!, brightness: 1.5, saturation: 0, randomOrder: false }
    const all = rows({ ...still, jitter, solarise: { probability: 0.2, threshold: 0.5 } }, 4000)
    assertFrequency(all.filter(p => p[AT.solarise] === 0.5).length, 4000, 0.2, 'solarise')
    assertUniform(
      all.map(p => p[AT.factors]!),
      0,
      2.5,
      'brightness',
    )
    const { brightness, contrast, hue } = ADJUSTMENTS
    const jittered = all.filter(p => p[AT.order] !== 0)
    for (const p of jittered) assert.deepEqual(p.slice(AT.order, AT.order + 4), [brightness, contrast, 0, hue])
  })

  it('refuses numbers that make no sense', () => {
    for (const wrong of [
      { flip: 1.5 },
      { greyscale: -0.1 },
      { height: 0 },
      { rotation: Number.NaN },
      { crop: { kind: 'affine', area: [0, 1], aspect: [1, 1] } },
      { crop: { kind: 'affine', area: [0.5, 1.1], aspect: [1, 1] } },
      { crop: { kind: 'affine', area: [0.5, 1], aspect: [2, 1] } },
      { jitter: { ...simclr.jitter!, hue: 0.6 } },
      { jitter: { ...simclr.jitter!, contrast: -1 } },
      { blur: { probability: 2, sigma: [0.1, 2], fraction: 0.1 } },
      { move: { kind: 'shift', pixels: 1.5 } },
      { crop: simclr.crop!, move: { kind: 'shift', pixels: 1 } },
      { move: { kind: 'similarity', extent: 0, shift: 0.2, scale: [0.7, 1.4] } },
      { pixelate: { probability: 0.5, pixels: [0.5, 9] } },
      { pixelate: { probability: 0.5, pixels: [4, 9] }, interpolation: 'bicubic' },
      { pixelate: { probability: 0.5, pixels: [4, 9] }, rotation: 0.1 },
      { colours: { kind: 'projection' } },
      { colours: { kind: 'projection' }, jitter: simclr.jitter!, normalise: rgb },
      { standardise: 'full', blur: { probability: 0.5, sigma: [0.1, 2], fraction: 0.1 } },
      { dropChannels: true, normalise: rgb },
      { dropChannels: true, standardise: 'mean' },
      { noise: -1 },
      { normalise: { mean: [0, 0], std: [1, 1] } },
      { normalise: { mean: [0], std: [0] } },
    ] as Partial<ViewSpec>[]) {
      assert.throws(
        () => drawView({ ...still, ...wrong }, new Generator(1), 1, square),
        ConfigError,
        JSON.stringify(wrong),
      )
    }
  })
})

describe('structureOf', () => {
  it('has a launch for what a view may do, and none for what it never does', () => {
    assert.equal(structureOf(still).colour, false)
    assert.equal(structureOf({ ...still, greyscale: 0.5 }).colour, false)
    assert.equal(structureOf({ ...still, greyscale: 0.5, normalise: rgb }).colour, true)
    assert.deepEqual(
      [structureOf(simclr).contrast, structureOf(simclr).hue, structureOf(simclr).blurRadius],
      ['luma', 'hsv', 1],
    )
    const projected = structureOf({ ...still, colours: { kind: 'projection' }, normalise: rgb })
    assert.deepEqual([projected.colour, projected.curves, projected.contrast], [true, true, 'none'])
    assert.equal(structureOf({ ...still, pixelate: { probability: 0.5, pixels: [4, 9] } }).interpolation, 'pixelated')
    assert.deepEqual([structureOf(still).noise, structureOf({ ...still, noise: 0.1 }).noise], [false, true])
    assert.equal(structureOf({ ...still, standardise: 'mean', dropChannels: true, normalise: rgb }).noise, true)
    const peer = structureOf(peerView({ size: 28, ...grey }))
    assert.deepEqual([peer.contrast, peer.hue, peer.blurRadius, peer.colour], ['average', 'yiq', 0, true])
  })

  it('blurs over a tenth of the height, as SimCLR does', () => {
    const radius = (size: number) => structureOf({ ...simclr, height: size }).blurRadius
    assert.deepEqual([224, 96, 28, 8].map(radius), [11, 4, 1, 1])
  })
})
