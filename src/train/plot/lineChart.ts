import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import { schemeDark2 } from 'd3-scale-chromatic'
import { ConfigError } from '../../device/errors.js'
import { element, FAINT, FONT_SIZE, GRID, picture, text, title, widest } from './svg.js'

export interface Axis {
  readonly label: string
  /** @default 'linear' */
  readonly scale?: 'linear' | 'log'
  /** Where to put marks; by default at round numbers. */
  readonly ticks?: readonly number[]
  /** How numbers are written. */
  readonly format?: (value: number) => string
}

export interface Series {
  readonly name: string
  /** x and y; a y that is not finite leaves a gap. */
  readonly points: readonly (readonly [number, number])[]
}

export interface LineChart {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  /** Horizontal lines to hold the series against: chance, 1/√d, a published number. */
  readonly references?: readonly { readonly value: number; readonly label: string }[]
}

const [WIDTH, HEIGHT] = [640, 340]
const TOP = 72
const BOTTOM = 52
/** Where names begin, right of the lines, after a piece of the line; and the distance between two of them. */
const NAMES = 44
const LINE = 17
/** Longer series have no dots. */
const MOST_DOTS = 40
/** The colours come again with these strokes. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3']

/**
 * Series over a common x, as an SVG picture that needs nothing else. Each line is named where it ends, so that no
 * legend has to be looked up.
 * @throws ConfigError where there is no finite point, or a number on a logarithmic axis is not above 0
 */
export function lineChart(chart: LineChart): string {
  const { series, references = [] } = chart
  const lines = series.map(({ name, points }) => ({ name, points: points.filter(([x]) => Number.isFinite(x)) }))
  const drawn = lines.flatMap(({ points }) => points.filter(([, y]) => Number.isFinite(y)))
  if (drawn.length === 0) throw new ConfigError(`plot '${chart.title}': there is no finite point to draw`)
  const xs = drawn.map(([x]) => x)
  const ys = [...drawn.map(([, y]) => y), ...references.map(({ value }) => value)]
  const x = axisOf(chart.x, xs, false)
  const y = axisOf(chart.y, ys, true)
  const left = 24 + Math.max(24, widest(y.ticks.map(y.format)))
  // Bold letters are wider.
  const names = NAMES + 1.1 * widest(series.map(({ name }) => name)) + 12
  const content = [
    text(16, TOP - 20, chart.y.label, { fill: FAINT }),
    element(
      'g',
      { transform: `translate(${left.toFixed(1)} ${TOP})` },
      [
        ...gridOf(x, y),
        text(WIDTH / 2, HEIGHT + 40, chart.x.label, { 'text-anchor': 'middle', fill: FAINT }),
        ...references.map(({ value }) => referenceLine(y.at(value))),
        ...lines.map((line, i) => curve(line, i, x, y)),
        ...references.map(({ value, label }) => referenceLabel(y.at(value), label)),
        ...namesOf(lines, y),
      ].join('\n'),
    ),
  ]
  const below = Math.max(BOTTOM, LINE * series.length - HEIGHT + 12)
  return picture(left + WIDTH + names, TOP + HEIGHT + below, chart.title, content)
}

/** An axis with its range: where a number is, in pixels, and the numbers that are marked. */
interface Placed {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
  /** How a mark is written, and any other number. */
  readonly format: (value: number) => string
  readonly tell: (value: number) => string
}

/** An axis over the range of `values` and its marks; upwards it goes on to the next round numbers. */
function axisOf({ label, scale: kind = 'linear', ticks, format }: Axis, values: number[], isVertical: boolean): Placed {
  const shown = [...values, ...(ticks ?? [])]
  const [low, high] = [Math.min(...shown), Math.max(...shown)]
  if (kind === 'log' && !(low > 0)) {
    throw new ConfigError(`plot: the logarithmic axis '${label}' wants numbers above 0, got ${low}`)
  }
  const scale: ScaleContinuousNumeric<number, number> = kind === 'log' ? scaleLog() : scaleLinear()
  // A single number gets room around it.
  const room = kind === 'log' ? [low / 2, high * 2] : [low - 0.5, high + 0.5]
  scale.domain(low < high ? [low, high] : room).range(isVertical ? [HEIGHT, 0] : [0, WIDTH])
  if (!ticks && isVertical) scale.nice(6)
  const marks = ticks ?? scale.ticks(6)
  const tell = format ?? ((value: number) => String(Number(value.toPrecision(4))))
  const numbers = scale.tickFormat(6)
  // Not all marks of a logarithmic axis have room for a number; those that have say 0.01 and not 10m.
  const told = (value: number) => (kind === 'log' && numbers(value) !== '' ? tell(value) : numbers(value))
  return { at: scale, ticks: marks, format: format ?? (ticks ? tell : told), tell }
}

function gridOf(x: Placed, y: Placed): string[] {
  return [
    ...y.ticks.flatMap(tick => [
      element('line', { x1: 0, x2: WIDTH, y1: y.at(tick), y2: y.at(tick), stroke: GRID }),
      text(-10, y.at(tick) + FONT_SIZE / 3, y.format(tick), { 'text-anchor': 'end' }),
    ]),
    element('line', { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, stroke: FAINT }),
    ...x.ticks.flatMap(tick => [
      element('line', { x1: x.at(tick), x2: x.at(tick), y1: HEIGHT, y2: HEIGHT + 5, stroke: FAINT }),
      text(x.at(tick), HEIGHT + 19, x.format(tick), { 'text-anchor': 'middle' }),
    ]),
  ]
}

function referenceLine(y: number): string {
  return element('line', { x1: 0, x2: WIDTH, y1: y, y2: y, stroke: FAINT, 'stroke-dasharray': '5 4' })
}

/** Over the lines, with a white edge around its letters. */
function referenceLabel(y: number, label: string): string {
  const edge = { stroke: '#ffffff', 'stroke-width': 4, 'stroke-linejoin': 'round', 'paint-order': 'stroke' }
  return text(4, y - 5, label, { fill: FAINT, 'font-size': 12, ...edge })
}

function colourOf(i: number): string {
  return schemeDark2[i % schemeDark2.length]!
}

function dashOf(i: number): { 'stroke-dasharray'?: string } {
  const dash = DASHES[Math.floor(i / schemeDark2.length) % DASHES.length]!
  return dash === '' ? {} : { 'stroke-dasharray': dash }
}

function curve({ name, points }: Series, i: number, x: Placed, y: Placed): string {
  const path = points.map(([px, py], k) => {
    if (!Number.isFinite(py)) return ''
    const begins = k === 0 || !Number.isFinite(points[k - 1]![1])
    return `${begins ? 'M' : 'L'}${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`
  })
  const stroke = { stroke: colourOf(i), 'stroke-width': 2, 'stroke-linejoin': 'round', fill: 'none', ...dashOf(i) }
  const dots = points.filter(([, py]) => Number.isFinite(py))
  return element(
    'g',
    {},
    [
      title(name),
      element('path', { d: path.join(''), ...stroke }),
      ...(dots.length > MOST_DOTS ? [] : dots).map(([px, py]) =>
        element(
          'circle',
          { cx: x.at(px), cy: y.at(py), r: 3, fill: colourOf(i) },
          title(`${name}: ${x.tell(px)}, ${y.tell(py)}`),
        ),
      ),
    ].join(''),
  )
}

/** Each name beside the end of its line, moved up or down as far as they would touch. */
function namesOf(lines: readonly Series[], y: Placed): string[] {
  const labels = lines
    .flatMap(({ name, points }, i) => {
      const last = points.findLast(([, py]) => Number.isFinite(py))
      return last ? [{ name, i, at: y.at(last[1]) }] : []
    })
    .sort((a, b) => a.at - b.at)
  const ends = labels.map(({ at }) => at)
  return apart(ends, LINE, HEIGHT).map((at, k) => {
    const { name, i } = labels[k]!
    const piece = { x1: WIDTH + 12, x2: WIDTH + NAMES - 6, y1: at, y2: at, stroke: colourOf(i), 'stroke-width': 2 }
    return (
      element('line', { ...piece, ...dashOf(i) }) +
      text(WIDTH + NAMES, at + FONT_SIZE / 3, name, { fill: colourOf(i), 'font-weight': 'bold' })
    )
  })
}

/**
 * Ascending positions moved as little as it takes to be `gap` apart and within 0 … `end`: groups that would touch are
 * set side by side around their mean. More than fit in there go on beyond the end.
 */
export function apart(positions: readonly number[], gap: number, end: number): number[] {
  const groups: { sum: number; count: number }[] = []
  const top = ({ sum, count }: { sum: number; count: number }) => sum / count - ((count - 1) * gap) / 2
  for (const position of positions) {
    let group = { sum: position, count: 1 }
    for (let above = groups.at(-1); above; above = groups.at(-1)) {
      if (top(above) + above.count * gap <= top(group)) break
      group = { sum: above.sum + group.sum, count: above.count + group.count }
      groups.pop()
    }
    groups.push(group)
  }
  const free = groups.flatMap(group => Array.from({ length: group.count }, (_, k) => top(group) + k * gap))
  const last = positions.length - 1
  return free.map((at, k) => Math.max(k * gap, Math.min(at, end - (last - k) * gap)))
}
