import assert from 'node:assert/strict'
import { interpolateViridis } from 'd3-scale-chromatic'
import { ConfigError } from '../../../src/device/errors.js'
import { type HeatMap, heatMap } from '../../../src/train/plot/heatMap.js'
import { drawn, numbersOf } from './pixels.js'

const map: HeatMap = {
  title: 'composition',
  rowLabel: 'first',
  columnLabel: 'second',
  rows: ['crop', 'colour'],
  columns: ['crop', 'colour', 'blur'],
  values: [
    [0, 0.5, null],
    [0.25, 1, 0.75],
  ],
  format: value => `${Math.round(100 * value)} %`,
}

describe('plot/heatMap', () => {
  it('colours each cell by its number, from the least to the largest, and writes it there', async () => {
    const svg = heatMap(map)
    const at = await drawn(svg)
    // After the ground come the cells, row by row, then the scale.
    const [xs, ys] = [numbersOf(svg, 'rect', 'x'), numbersOf(svg, 'rect', 'y')]
    const shares = [0, 0.5, null, 0.25, 1, 0.75]
    shares.forEach((share, i) => {
      const found = at(xs[i]! + 6, ys[i]! + 6)
      assert.equal(found, share === null ? '#f0f0f0' : interpolateViridis(share), `cell ${i}`)
    })
    for (const words of ['0 %', '50 %', '25 %', '100 %', '75 %', '–'])
      assert.ok(svg.includes(`>${words}</text>`), words)
    assert.match(svg, /<title>crop, blur: not measured<\/title>/)
    assert.match(svg, /<title>colour, crop: 25 %<\/title>/)
  })

  it('draws numbers that are all alike without a scale', () => {
    const alike = heatMap({ ...map, rows: ['one'], values: [[0.5, 0.5, 0.5]] })
    assert.equal(numbersOf(alike, 'rect', 'x').length, 3)
    assert.ok(!alike.includes('NaN'))
  })

  it('refuses another number of values, and none', () => {
    const said = (values: HeatMap['values'], message: RegExp) =>
      assert.throws(
        () => heatMap({ ...map, values }),
        (error: Error) => error instanceof ConfigError && message.test(error.message),
      )
    said([[1, 2, 3]], /wants 2 rows of 3 values, got rows of 3/)
    said([[1, 2, 3], [1]], /got rows of 3, 1/)
    said(
      [
        [null, null, null],
        [null, Number.NaN, null],
      ],
      /no value to draw/,
    )
  })
})
