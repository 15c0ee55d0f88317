import { scaleLinear } from 'd3-scale'
import { interpolateViridis } from 'd3-scale-chromatic'
import { ConfigError } from '../../device/errors.js'
import { element, FAINT, FONT_SIZE, picture, text, title, widest } from './svg.js'

export interface HeatMap {
  readonly title: string
  /** What the rows and the columns are. */
  readonly rowLabel: string
  readonly columnLabel: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** `[rows][columns]`; null where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[]
  /** How numbers are written. */
  readonly format: (value: number) => string
}

const CELL = { width: 84, height: 44 }
const TOP = 104
/** Of the scale of colours, which has no more to say than its ends and the middle. */
const BAR = { width: 16, steps: 48 }
/** Viridis grows lighter all the way; from here on dark words are easier to read on it. */
const LIGHT = 0.6

/**
 * A number for each row and column as colour and as text, an SVG picture that needs nothing else.
 * @throws ConfigError where the values are not one a cell, or none is a number
 */
export function heatMap(map: HeatMap): string {
  const { rows, columns, values, format } = map
  if (values.length !== rows.length || values.some(row => row.length !== columns.length)) {
    const got = values.map(row => row.length).join(', ')
    throw new ConfigError(
      `plot '${map.title}': wants ${rows.length} rows of ${columns.length} values, got rows of ${got}`,
    )
  }
  const finite = values.flat().filter(value => value !== null && Number.isFinite(value)) as number[]
  if (finite.length === 0) throw new ConfigError(`plot '${map.title}': there is no value to draw`)
  const [low, high] = [Math.min(...finite), Math.max(...finite)]
  // Where all are alike, the middle of the scale.
  const shade = low < high ? scaleLinear([low, high], [0, 1]) : () => 0.5
  const cell = { ...CELL, width: Math.max(CELL.width, widest(columns) + 16) }
  const left = 32 + widest([...rows, map.rowLabel])
  const [width, height] = [columns.length * cell.width, rows.length * cell.height]
  const content = [
    text(left + width / 2, TOP - 40, map.columnLabel, { 'text-anchor': 'middle', fill: FAINT }),
    text(left - 12, TOP - 16, map.rowLabel, { 'text-anchor': 'end', fill: FAINT }),
    ...columns.map((name, j) => text(left + (j + 0.5) * cell.width, TOP - 16, name, { 'text-anchor': 'middle' })),
    ...rows.map((name, i) =>
      text(left - 12, TOP + (i + 0.5) * cell.height + FONT_SIZE / 3, name, { 'text-anchor': 'end' }),
    ),
    ...values.flatMap((row, i) =>
      row.map((value, j) => {
        const box = { x: left + j * cell.width, y: TOP + i * cell.height, ...cell }
        const named = `${rows[i]}, ${columns[j]}`
        return value === null || !Number.isFinite(value)
          ? emptyCell(box, named)
          : filledCell(box, named, format(value), shade(value))
      }),
    ),
    ...(low < high ? colourBar(left + width + 28, height, format(low), format((low + high) / 2), format(high)) : []),
  ]
  return picture(left + width + 60 + widest([format(low), format(high)]), TOP + height + 24, map.title, content)
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function filledCell(box: Box, named: string, words: string, share: number): string {
  const fill = interpolateViridis(share)
  return (
    element('rect', { ...box, fill, stroke: '#ffffff' }, title(`${named}: ${words}`)) +
    centred(box, words, share > LIGHT ? '#000000' : '#ffffff')
  )
}

function emptyCell(box: Box, named: string): string {
  return (
    element('rect', { ...box, fill: '#f0f0f0', stroke: '#ffffff' }, title(`${named}: not measured`)) +
    centred(box, '–', FAINT)
  )
}

function centred({ x, y, width, height }: Box, words: string, fill: string): string {
  return text(x + width / 2, y + height / 2 + FONT_SIZE / 3, words, { 'text-anchor': 'middle', fill })
}

function colourBar(x: number, height: number, low: string, middle: string, high: string): string[] {
  const step = height / BAR.steps
  const parts = Array.from({ length: BAR.steps }, (_, k) => {
    const fill = interpolateViridis(1 - (k + 0.5) / BAR.steps)
    // Half a pixel more, so that no seam shows between two parts.
    return element('rect', { x, y: TOP + k * step, width: BAR.width, height: step + 0.5, fill })
  })
  const words = [high, middle, low].map((value, k) =>
    text(x + BAR.width + 6, TOP + (k * height) / 2 + FONT_SIZE / 3, value, {}),
  )
  return [...parts, ...words]
}
