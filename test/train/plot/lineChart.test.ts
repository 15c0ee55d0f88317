import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/device/errors.js'
import { apart, type LineChart, lineChart } from '../../../src/train/plot/lineChart.js'
import { drawn, numbersOf } from './pixels.js'

const chart: LineChart = {
  title: 'a < b & "c"',
  x: { label: 'step' },
  y: { label: 'loss', format: value => value.toFixed(1) },
  series: [
    {
      name: 'first',
      points: [
        [0, 1],
        [5, 3],
        [10, 2],
      ],
    },
    {
      name: 'second',
      points: [
        [0, 0],
        [5, Number.NaN],
        [10, 4],
      ],
    },
  ],
  references: [{ value: 4.4, label: 'chance' }],
}

/** Where the corner of the lines' field is. */
function origin(svg: string): [number, number] {
  const [, x, y] = svg.match(/translate\(([\d.]+) ([\d.]+)\)/)!
  return [Number(x), Number(y)]
}

describe('plot/lineChart', () => {
  it('puts points where their numbers are, in the colour of their series', async () => {
    const svg = lineChart(chart)
    const [left, top] = origin(svg)
    // x from 0 to 10 over 640 pixels; y from 0 to 4.4, which goes on to the round 5, over 340.
    assert.deepEqual(numbersOf(svg, 'circle', 'cx'), [0, 320, 640, 0, 640])
    const heights = [1, 3, 2, 0, 4].map(value => 340 * (1 - value / 5))
    numbersOf(svg, 'circle', 'cy').forEach((y, i) => {
      assert.ok(Math.abs(y - heights[i]!) <= 0.05, `${y}, wanted ${heights[i]}`)
    })
    const at = await drawn(svg)
    assert.equal(at(left + 320, top + heights[1]!), '#1b9e77')
    assert.equal(at(left, top + heights[3]!), '#d95f02')
    assert.equal(at(1, 1), '#ffffff')
  })

  it('leaves a gap where a number is missing, and marks a reference inside', () => {
    const svg = lineChart(chart)
    const paths = [...svg.matchAll(/ d="([^"]*)"/g)].map(([, path]) => path!.replace(/[\d. ]/g, ''))
    assert.deepEqual(paths, ['MLL', 'MM'])
    assert.match(svg, />chance</)
    assert.match(svg, /<title>first: 5, 3\.0<\/title>/)
  })

  it('writes its words so that they cannot end an element', () => {
    const svg = lineChart(chart)
    assert.ok(svg.includes('a &#60; b &#38; &#34;c&#34;'))
    assert.ok(!svg.includes('a < b'))
  })

  it('spaces a logarithmic axis by ratios, with the marks asked for', () => {
    const batches = [64, 128, 256, 1024]
    const svg = lineChart({
      title: 'batch',
      x: { label: 'batch', scale: 'log', ticks: batches },
      y: { label: 'accuracy' },
      series: [{ name: 'simclr', points: batches.map((batch, i) => [batch, i / 10]) }],
    })
    assert.deepEqual(numbersOf(svg, 'circle', 'cx'), [0, 160, 320, 640])
    for (const batch of batches) assert.ok(svg.includes(`>${batch}</text>`))
  })

  it('writes numbers below 1 on a logarithmic axis without prefixes', () => {
    const svg = lineChart({
      title: 'spread',
      x: { label: 'epoch' },
      y: { label: 'deviation', scale: 'log' },
      series: [{ name: 'byol', points: [0.5, 0.02, 0.0007].map((y, i) => [i, y]) }],
    })
    for (const mark of ['1', '0.1', '0.01', '0.001']) assert.match(svg, new RegExp(`>${mark}<`))
    assert.doesNotMatch(svg, /[0-9][mµ]</)
  })

  it('draws one point, and no dots on a long line', () => {
    assert.deepEqual(
      numbersOf(lineChart({ ...chart, series: [{ name: 'one', points: [[3, 4]] }] }), 'circle', 'cx'),
      [320],
    )
    const points = Array.from({ length: 500 }, (_, i): [number, number] => [i, Math.sin(i)])
    assert.ok(!lineChart({ ...chart, series: [{ name: 'long', points }] }).includes('<circle'))
  })

  it('refuses nothing to draw, and a logarithm of zero', () => {
    const said = (changed: Partial<LineChart>, message: RegExp) =>
      assert.throws(
        () => lineChart({ ...chart, ...changed }),
        (error: Error) => error instanceof ConfigError && message.test(error.message),
      )
    said({ series: [] }, /no finite point/)
    said({ series: [{ name: 'nothing', points: [[0, Number.NaN]] }] }, /no finite point/)
    said({ x: { label: 'rate', scale: 'log' } }, /the logarithmic axis 'rate' wants numbers above 0, got 0/)
  })
})

describe('plot/lineChart: names', () => {
  it('stay where there is room, and stand around their middle where there is not', () => {
    assert.deepEqual(apart([10, 50, 90], 10, 100), [10, 50, 90])
    assert.deepEqual(apart([50, 50, 50], 10, 100), [40, 50, 60])
    // The third pushes the first two, and with them it becomes one group: mean 52, from 42 on.
    assert.deepEqual(apart([50, 50, 56], 10, 100), [42, 52, 62])
  })

  it('stay inside, and keep their distance there', () => {
    assert.deepEqual(apart([0, 1, 2], 10, 100), [0, 10, 20])
    assert.deepEqual(apart([95, 99, 100], 10, 100), [80, 90, 100])
    assert.deepEqual(apart([1, 2, 3], 10, 15), [0, 10, 20], 'more than fit go on beyond the end')
  })
})
