/** Pictures of what sweeps, comparisons and the collapse laboratory came to, as SVG files that need nothing else. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { heatMap } from '../train/plot/heatMap.js'
import { lineChart, type Series } from '../train/plot/lineChart.js'
import type { Result } from '../train/result.js'
import { LOG_FILE } from '../train/runDirectory.js'
import type { Grid } from './sweepGrid.js'
import { percent } from './table.js'

/** Accuracy against the values of one axis, or the linear accuracy of every cell of two; nothing where none was measured. */
export function sweepPicture(grid: Grid, results: readonly Result[]): string | undefined {
  const { axes, cells } = grid
  const [rows, columns] = axes
  if (results.every(({ linear }) => linear === null)) return undefined
  const { method, data } = results[0]!
  if (columns) {
    const linear = (row: number, column: number) => {
      const cell = cells.findIndex(({ at }) => at[0] === row && at[1] === column)
      return results[cell]?.linear ?? null
    }
    return heatMap({
      title: `${method} on ${data}: linear accuracy`,
      rowLabel: rows!.name,
      columnLabel: columns.name,
      rows: rows!.ticks.map(({ label }) => label),
      columns: columns.ticks.map(({ label }) => label),
      values: rows!.ticks.map((_, row) => columns.ticks.map((_, column) => linear(row, column))),
      format: percent,
    })
  }
  const labels = rows!.ticks.map(({ label }) => label)
  // Values that are no numbers stand side by side.
  const numbers = labels.map(Number)
  const numeric = numbers.every(Number.isFinite)
  const x = numeric ? numbers : labels.map((_, i) => i)
  const series = (name: string, of: (result: Result) => number | null) => ({
    name,
    points: results.map((result, i) => [x[i]!, of(result) ?? Number.NaN] as const),
  })
  return lineChart({
    title: `${method} on ${data}`,
    x: {
      label: rows!.name,
      ticks: x,
      ...(numeric ? { scale: x.every(value => value > 0) ? 'log' : 'linear' } : { format: i => labels[i]! }),
    },
    y: { label: 'accuracy', format: percent },
    series: [series('linear', ({ linear }) => linear), series('k-NN', ({ knn }) => knn)],
  })
}

export interface Compared {
  readonly method: string
  readonly runs: readonly Result[]
  /** The runs' folders. */
  readonly folders: readonly string[]
}

/** k-NN over epochs, the mean of a method's seeds; nothing where it was never measured in training. */
export function comparisonPicture(methods: readonly Compared[]): string | undefined {
  const series = methods.map(({ method, runs, folders }) => ({ name: method, points: meanCurve(runs, folders) }))
  if (series.every(({ points }) => points.length < 2)) return undefined
  const [first] = methods.flatMap(({ runs }) => runs)
  const { untrained, pixels } = first!.baselines
  const references = [
    { label: 'untrained', value: untrained.knn },
    { label: 'raw pixels', value: pixels.knn },
  ].flatMap(({ label, value }) => (value === null ? [] : [{ label, value }]))
  return lineChart({
    title: `k-NN on ${first!.data}`,
    x: { label: 'epoch' },
    y: { label: 'accuracy', format: percent },
    series,
    references,
  })
}

/**
 * How far the embeddings of each run are spread, in standard deviations of a full sphere, over epochs; nothing for runs of
 * one epoch. The axis is logarithmic: what collapses goes down in a line.
 */
export function collapsePicture(
  runs: readonly { readonly name: string; readonly folder: string; readonly result: Result }[],
): string | undefined {
  const series = runs.map(({ name, folder }) => {
    const spread = epochsOf(folder).filter(({ deviation }) => deviation > 0)
    return { name, points: spread.map(row => [row.epoch, row.deviation * Math.sqrt(row.dimension)] as const) }
  })
  if (series.every(({ points }) => points.length < 2)) return undefined
  return lineChart({
    title: `what collapses on ${runs[0]!.result.data}`,
    x: { label: 'epoch' },
    y: { label: 'standard deviation of ẑ · √d', scale: 'log' },
    series,
    references: [{ value: 1, label: 'full sphere' }],
  })
}

/** What the runs' logs say at the epochs that all of them measured, and their results. */
function meanCurve(runs: readonly Result[], folders: readonly string[]): Series['points'] {
  const curves = runs.map(({ epochs, knn }, i) => {
    const points = new Map(epochsOf(folders[i]!).flatMap(({ epoch, knn }) => (knn === undefined ? [] : [[epoch, knn]])))
    if (knn !== null) points.set(epochs, knn)
    return points
  })
  const shared = [...(curves[0]?.keys() ?? [])].filter(epoch => curves.every(curve => curve.has(epoch)))
  const mean = (epoch: number) => curves.reduce((sum, curve) => sum + curve.get(epoch)!, 0) / curves.length
  return shared.sort((a, b) => a - b).map(epoch => [epoch, mean(epoch)])
}

interface EpochRecord {
  readonly kind: string
  readonly epoch: number
  readonly knn?: number
  /** Of ẑ. */
  readonly deviation: number
  readonly dimension: number
}

function epochsOf(folder: string): EpochRecord[] {
  const file = join(folder, LOG_FILE)
  if (!existsSync(file)) return []
  const records = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return records.map(line => JSON.parse(line) as EpochRecord).filter(({ kind }) => kind === 'epoch')
}
