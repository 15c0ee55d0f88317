import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { simclrView } from '../../src/views/presets.js'
import { structureOf, type ViewSpec } from '../../src/views/spec.js'
import { VIEW_PRESETS, type ViewPreset, viewPair } from '../../src/views/viewPair.js'

const rgb = { size: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] }
const grey = { size: 28, mean: [0.1], std: [0.3] }

/** What the papers and their code say, in the order area, flip, jitter and its probability, blur, solarise. */
function published({ crop, flip, jitter, greyscale, blur, solarise }: ViewSpec) {
  const strengths = jitter && [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue, jitter.probability]
  return [crop?.area, flip, strengths, greyscale, blur?.probability, solarise?.probability]
}

describe('viewPair', () => {
  const moco2 = [[0.2, 1], 0.5, [0.4, 0.4, 0.4, 0.1, 0.8], 0.2, 0.5, undefined]
  const byol = [
    [[0.08, 1], 0.5, [0.4, 0.4, 0.2, 0.1, 0.8], 0.2, 1, undefined],
    [[0.08, 1], 0.5, [0.4, 0.4, 0.2, 0.1, 0.8], 0.2, 0.1, 0.2],
  ]
  const expected: Record<ViewPreset, unknown[]> = {
    simclr: [[0.08, 1], 0.5, [0.8, 0.8, 0.8, 0.2, 0.8], 0.2, 0.5, undefined],
    npid: [[0.2, 1], 0, [0.4, 0.4, 0.4, 0.4, 1], 0.2, undefined, undefined],
    'moco-v1': [[0.2, 1], 0.5, [0.4, 0.4, 0.4, 0.4, 1], 0.2, undefined, undefined],
    'moco-v2': moco2,
    simsiam: moco2,
    byol,
    barlow: byol,
    vicreg: byol,
    supervised: [undefined, 0.5, undefined, 0, undefined, undefined],
    'mean-teacher': [undefined, 0.5, undefined, 0, undefined, undefined],
    peer: [[0.2, 1], 0.5, [0.4, 0.4, 0.4, 0.1, 0.8], 0.2, undefined, undefined],
  }
  for (const preset of VIEW_PRESETS) {
    it(`${preset} is as published`, () => {
      const [first, second] = viewPair(preset, rgb)
      const [one, other] = Array.isArray(expected[preset][1]) ? expected[preset] : [expected[preset], expected[preset]]
      assert.deepEqual(published(first), one)
      assert.deepEqual(published(second), other)
      assert.equal(first === second, one === other, 'a symmetric pair is one view')
      assert.deepEqual([first.height, first.width, first.normalise], [32, 32, { mean: rgb.mean, std: rgb.std }])
    })

    it(`${preset} takes grey images: none is flipped or gets a colour, and crops show enough`, () => {
      for (const spec of viewPair(preset, grey)) {
        assert.deepEqual([spec.flip, spec.greyscale], [0, 0])
        if (spec.crop) assert.ok(spec.crop.area[0] >= 0.4)
        if (spec.jitter && preset !== 'peer') assert.deepEqual([spec.jitter.saturation, spec.jitter.hue], [0, 0])
      }
    })
  }

  it('supervised moves the image by up to an eighth of its side, with black around it', () => {
    const [spec] = viewPair('supervised', rgb)
    assert.deepEqual([spec.move, spec.padding], [{ kind: 'shift', pixels: 4 }, 'zeros'])
  })

  it('mean-teacher moves the image by two pixels, mirrored, and adds noise', () => {
    const [spec] = viewPair('mean-teacher', rgb)
    assert.deepEqual([spec.move, spec.padding, spec.noise], [{ kind: 'shift', pixels: 2 }, 'reflection', 0.15])
    assert.equal(structureOf(spec).noise, true)
  })

  it('changes what the options say and nothing else', () => {
    const plain = simclrView({ ...rgb, strength: 0.5, blur: false })
    assert.deepEqual(viewPair('simclr', { ...rgb, strength: 0.5, blur: false })[0], plain)
    const [changed] = viewPair('simclr', { ...rgb, strength: 0.5, blur: false, area: [0.3, 0.9], flip: 0.1 })
    assert.deepEqual(changed, { ...plain, crop: { ...plain.crop, area: [0.3, 0.9] }, flip: 0.1 })
    const byolWithout = viewPair('byol', { ...rgb, blur: false })
    assert.deepEqual(
      byolWithout.map(spec => [spec.blur, spec.solarise]),
      [
        [undefined, undefined],
        [undefined, { probability: 0.2, threshold: 0.5 }],
      ],
    )
    assert.equal(viewPair('moco-v1', { ...rgb, strength: 2 })[0].jitter!.hue, 0.5)
  })

  it('what is asked for wins over the adaptation to grey, and gives a crop to a preset that has none', () => {
    const [asked] = viewPair('byol', { ...grey, area: [0.08, 1], flip: 0.5 })
    assert.deepEqual([asked.crop!.area, asked.flip], [[0.08, 1], 0.5])
    const [cropped] = viewPair('supervised', { ...rgb, area: [0.08, 1] })
    assert.deepEqual([cropped.crop!.kind, cropped.crop!.area, cropped.move], ['rectangle', [0.08, 1], undefined])
  })

  it('has launches only for what a pair does', () => {
    const [first, second] = viewPair('byol', rgb).map(structureOf)
    assert.deepEqual([first!.colour, first!.contrast, first!.blurRadius, second!.blurRadius], [true, 'luma', 1, 1])
    const [plain] = viewPair('supervised', rgb).map(structureOf)
    assert.deepEqual([plain!.colour, plain!.blurRadius], [false, 0])
  })

  it('names the presets where one is not there', () => {
    const wrong = 'byoll' as ViewPreset
    assert.throws(
      () => viewPair(wrong, rgb),
      new ConfigError(`there is no view preset 'byoll'; there are ${VIEW_PRESETS.join(', ')}`),
    )
  })
})
