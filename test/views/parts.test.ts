import assert from 'node:assert/strict'
import { Generator } from '../../src/tensor/philox.js'
import { drawView } from '../../src/views/draw.js'
import { VIEW_PARTS, viewOfParts } from '../../src/views/parts.js'
import { simclrView } from '../../src/views/presets.js'

const RGB = { size: 16, mean: [0.4, 0.5, 0.6], std: [0.2, 0.2, 0.2] }
const GREY = { size: 16, mean: [0.1], std: [0.3] }

describe('views/parts: a view put together', () => {
  it('of nothing is the image as it is', () => {
    const view = viewOfParts([], RGB)
    assert.deepEqual(
      [view.crop, view.jitter, view.blur, view.solarise, view.noise, view.flip, view.rotation, view.greyscale],
      [undefined, undefined, undefined, undefined, undefined, 0, 0, 0],
    )
    const [a, b] = [0, 1].map(seed => drawView(view, new Generator(seed), 3, { height: 20, width: 20 }))
    assert.deepEqual(a!.slice(0, 12), b!.slice(0, 12))
  })

  it("of SimCLR's parts is SimCLR's view", () => {
    const whole = simclrView({ ...RGB, strength: 1, blur: true })
    assert.deepEqual(viewOfParts(['blur', 'grey', 'colour', 'flip', 'crop'], RGB), whole)
  })

  it('has each part only where it is named, on colour and on grey images', () => {
    for (const basics of [RGB, GREY]) {
      for (const part of VIEW_PARTS) {
        const view = viewOfParts([part], basics)
        const colours = basics === RGB
        assert.deepEqual(
          {
            crop: view.crop !== undefined,
            flip: view.flip > 0,
            rotate: view.rotation > 0,
            colour: view.jitter !== undefined,
            grey: view.greyscale > 0,
            blur: view.blur !== undefined,
            solarise: view.solarise !== undefined,
            noise: view.noise !== undefined,
          },
          Object.fromEntries(
            VIEW_PARTS.map(each => [each, each === part && (colours || (each !== 'flip' && each !== 'grey'))]),
          ),
          part,
        )
        drawView(view, new Generator(0), 2, { height: 20, width: 20 })
      }
    }
  })
})
