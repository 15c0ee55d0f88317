/** Axes of a sweep and the settings of each of its cells. */
import { ConfigError } from '../device/errors.js'
import type { Settings } from '../train/recipes.js'
import { VIEW_PARTS } from '../views/parts.js'
import { addSettings } from './options.js'

/** One value: how it is called, and what `--set` would be told. */
export interface Tick {
  readonly label: string
  readonly assignment: string
}

export interface Axis {
  readonly name: string
  readonly ticks: readonly Tick[]
}

export interface Cell {
  /** Its folder. */
  readonly name: string
  /** Row, and column where there are two axes. */
  readonly at: readonly number[]
  readonly settings: Settings
}

export interface Grid {
  readonly axes: readonly Axis[]
  readonly cells: readonly Cell[]
}

const PARTS = 'views.parts'

/** @throws ConfigError for a setting without values, or a value that comes twice */
export function axisOf(path: string, values: readonly string[]): Axis {
  if (path === '' || values.length === 0) {
    throw new ConfigError(
      `sweep: wants a setting and its values, such as batch=64,128, got ${path}=${values.join(',')}`,
    )
  }
  const twice = values.find((value, i) => values.indexOf(value) !== i)
  if (twice !== undefined) throw new ConfigError(`sweep: ${path} has ${twice} twice`)
  return { name: path, ticks: values.map(value => ({ label: value, assignment: `${path}=${value}` })) }
}

/** Parts of a view against parts of a view (SimCLR, figure 5): on the diagonal a part alone. */
export function augmentationAxes(): Axis[] {
  const ticks = VIEW_PARTS.map(part => ({ label: part, assignment: `${PARTS}=["${part}"]` }))
  return [
    { name: 'first', ticks },
    { name: 'second', ticks },
  ]
}

/**
 * All combinations, rows first. A pair of parts and the same pair the other way are one view, so that only one of them
 * is a cell.
 */
export function gridOf(axes: readonly Axis[], settings: Settings): Grid {
  const [rows, columns] = axes
  const cells = rows!.ticks.flatMap((row, i) => {
    if (!columns) return [cellOf([row], [i], settings)]
    return columns.ticks.flatMap((column, j) => {
      const parts = [row, column].every(({ assignment }) => assignment.startsWith(PARTS))
      if (!parts) return [cellOf([row, column], [i, j], settings)]
      if (j < i) return []
      const both = [...new Set([row.label, column.label])]
      return [
        { name: both.join('+'), at: [i, j], settings: addSettings(settings, [`${PARTS}=${JSON.stringify(both)}`]) },
      ]
    })
  })
  return { axes, cells }
}

function cellOf(ticks: readonly Tick[], at: readonly number[], settings: Settings): Cell {
  const assignments = ticks.map(({ assignment }) => assignment)
  return {
    name: assignments.join(' ').replaceAll(/[^\w.=+-]+/g, '_'),
    at,
    settings: addSettings(settings, assignments),
  }
}
