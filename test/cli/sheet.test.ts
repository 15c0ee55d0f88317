import assert from 'node:assert/strict'
import sharp from 'sharp'
import { contactSheet } from '../../src/cli/contactSheet.js'
import { composeSheet, type Picture, type Sheet } from '../../src/cli/sheet.js'
import { SHOWN_PRESETS, shownPreset } from '../../src/cli/shownPresets.js'
import type { Dataset } from '../../src/data/dataset.js'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { Generator } from '../../src/tensor/philox.js'
import { jigsaw } from '../../src/views/jigsaw.js'
import { independentViews } from '../../src/views/plan.js'
import { quarterTurns } from '../../src/views/quarterTurns.js'
import type { ViewSpec } from '../../src/views/spec.js'

const PAPER = [217, 217, 217]

/** The decoded pixels of a PNG file: red, green and blue at (x, y). */
async function decode(png: Buffer) {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  assert.equal(info.channels, 3)
  const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)]
  return { width: info.width, height: info.height, at }
}

/** Left, top, right and bottom of the pixels of one colour, and how many there are. */
function findColour({ width, height, at }: Awaited<ReturnType<typeof decode>>, colour: readonly number[]) {
  const found: [number, number][] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) if (String(at(x, y)) === String(colour)) found.push([x, y])
  }
  const [xs, ys] = [found.map(([x]) => x), found.map(([, y]) => y)]
  return {
    count: found.length,
    left: Math.min(...xs),
    top: Math.min(...ys),
    right: Math.max(...xs),
    bottom: Math.max(...ys),
  }
}

const flat = (side: number, ...colour: [number, number, number]): Picture => ({
  height: side,
  width: side,
  channels: 3,
  bytes: Uint8Array.from({ length: 3 * side * side }, (_, i) => colour[i % 3]!),
})

describe('composeSheet', () => {
  it('enlarges every pixel to a square, side by side, and captions beside them', async () => {
    const picture: Picture = { height: 1, width: 2, channels: 3, bytes: Uint8Array.of(200, 10, 20, 10, 200, 20) }
    const sheet: Sheet = {
      title: 'title',
      columns: [{ caption: 'one' }, { caption: 'two', group: 'group' }],
      rows: [{ caption: ['row'], pictures: [picture, flat(2, 1, 2, 203)] }],
    }
    const image = await decode(await composeSheet(sheet))
    const [red, green, blue] = [
      [200, 10, 20],
      [10, 200, 20],
      [1, 2, 203],
    ].map(colour => findColour(image, colour))
    // The largest picture has two pixels, which makes 56 of each.
    assert.deepEqual([red!.count, green!.count, blue!.count], [56 ** 2, 56 ** 2, 112 ** 2])
    assert.deepEqual([green!.left, green!.top], [red!.left + 56, red!.top])
    assert.ok(blue!.left > green!.right + 6 && blue!.right < image.width && blue!.bottom < image.height)
    // Centred in its row.
    assert.equal(red!.top - blue!.top, blue!.bottom - red!.bottom)
    const ink = (left: number, top: number, right: number, bottom: number) => {
      let dark = 0
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) if (image.at(x, y)[0]! < 100) dark++
      return dark
    }
    assert.ok(ink(0, 0, 100, 36) > 20, 'the title')
    assert.ok(ink(0, red!.top, red!.left, red!.bottom) > 10, 'the caption of the row')
    assert.ok(ink(red!.left, 36, green!.right, blue!.top) > 10, 'the caption of the column')
    assert.deepEqual(image.at(image.width - 1, image.height - 1), PAPER)
  })

  it('keeps small pictures large enough to see, and captions apart', async () => {
    const tiles = Array.from({ length: 9 }, (_, i) => flat(7, 20 * i, 255, 0))
    const columns = [{ caption: 'original' }, ...tiles.map((_, i) => ({ caption: `view ${i + 1}` }))]
    const sheet = { title: '<&">', columns, rows: [{ caption: [], pictures: [flat(32, 255, 0, 255), ...tiles] }] }
    const image = await decode(await composeSheet(sheet))
    assert.equal(findColour(image, [255, 0, 255]).count, 128 ** 2)
    const boxes = tiles.map((_, i) => findColour(image, [20 * i, 255, 0]))
    for (const [i, { count, left }] of boxes.entries()) {
      assert.equal(count, 63 ** 2)
      if (i > 0) assert.ok(left > boxes[i - 1]!.right)
    }
  })
})

describe('contactSheet', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  function noise(side: number, channels: 1 | 3, count = 12): Dataset {
    const generator = new Generator(1)
    const images = Uint8Array.from({ length: count * side * side * channels }, () => generator.integer(256))
    const labels = Int32Array.from({ length: count }, (_, i) => (i % 3) - 1)
    const classes = ['cat', 'dog']
    return { name: 'noise', source: 'noise', height: side, width: side, channels, count, images, labels, classes }
  }
  const grey = { mean: [0.5], std: [0.3] }
  const whole: ViewSpec = {
    height: 6,
    width: 6,
    interpolation: 'bilinear',
    padding: 'zeros',
    flip: 0,
    rotation: 0,
    greyscale: 0,
    normalise: grey,
  }

  it('has the originals first, and beside them what the plan makes of them, in bytes again', async () => {
    const dataset = noise(6, 1)
    const sheet = await contactSheet(
      { name: 'turns', plan: quarterTurns(whole), dataset },
      { rows: 5, draws: 2, seed: 3, device },
    )
    assert.equal(sheet.title, 'turns on noise, seed 3')
    assert.deepEqual(
      sheet.columns.map(({ caption, group }) => [caption, group]),
      [
        ['original', undefined],
        ...['draw 1', 'draw 2'].flatMap(group => [1, 2, 3, 4].map(n => [`view ${n}`, n === 1 ? group : undefined])),
      ],
    )
    assert.equal(sheet.rows.length, 5)
    for (const { pictures, caption } of sheet.rows) {
      const index = Array.from({ length: 12 }, (_, i) => i).find(i =>
        pictures[0]!.bytes.every((byte, at) => byte === dataset.images[36 * i + at]),
      )!
      assert.deepEqual(caption, index % 3 === 0 ? [] : [['cat', 'dog'][(index % 3) - 1]])
      assert.deepEqual(pictures[1], pictures[0])
      assert.deepEqual([...pictures[3]!.bytes], [...pictures[0]!.bytes].reverse())
    }
  })

  it('is the same for the same seed, and another for another', async () => {
    const shown = {
      name: 'moved',
      dataset: noise(6, 1),
      plan: independentViews([{ ...whole, move: { kind: 'shift', pixels: 3 } }]),
    }
    const make = (seed: number) => contactSheet(shown, { rows: 4, draws: 2, seed, device })
    assert.deepEqual(await make(1), await make(1))
    assert.notDeepEqual((await make(1)).rows, (await make(2)).rows)
    assert.deepEqual(
      (await make(1)).columns.map(({ caption }) => caption),
      ['original', 'draw 1', 'draw 2'],
    )
  })

  it('says what a pretext task asks for, and shows views of their own deviation in middle grey', async () => {
    const plan = jigsaw({ cell: 4, tile: 3, permutations: 9, ...grey })
    const { rows } = await contactSheet(
      { name: 'jigsaw', plan, dataset: noise(12, 1) },
      { rows: 3, draws: 2, seed: 0, device },
    )
    for (const { caption, pictures } of rows) {
      assert.match(caption.at(-1)!, /^target [0-8], [0-8]$/)
      assert.equal(pictures.length, 19)
      const mean = pictures[1]!.bytes.reduce((sum, byte) => sum + byte, 0) / 9
      assert.ok(Math.abs(mean - 127.5) < 1)
    }
  })

  it('shows every preset on images of either kind', async () => {
    for (const channels of [1, 3] as const) {
      const dataset = noise(32, channels)
      const statistics = channels === 1 ? grey : { mean: [0.5, 0.5, 0.5], std: [0.3, 0.3, 0.3] }
      for (const preset of SHOWN_PRESETS.filter(name => channels === 3 || name !== 'context-dropping')) {
        const shown = shownPreset(preset, dataset, { ...statistics, strength: 1, blur: true, seed: 0 })
        const { rows } = await contactSheet(shown, { rows: 2, draws: 1, seed: 0, device })
        assert.equal(rows.length, 2, preset)
        for (const { pictures } of rows) {
          for (const { bytes } of pictures) assert.ok(new Set(bytes).size > 1, `${preset} shows something`)
        }
      }
    }
    const options = { ...grey, strength: 1, blur: true, seed: 0 }
    assert.throws(() => shownPreset('nothing', noise(6, 1), options), ConfigError)
  })
})
