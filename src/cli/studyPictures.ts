/** Pictures of what sweeps, comparisons and the collapse laboratory came to, as SVG files that need nothing else. */
import { heatMap } from '../train/plot/heatMap.js'
import { lineChart, type Series } from '../train/plot/lineChart.js'
import type { Result } from '../train/result.js'
import type { Grid } from './sweepGrid.js'
import { percent } from './table.js'

/** Accuracy against the values of one axis, or the linear accuracy of every cell of two; nothing where none was measured. */
export function sweepPicture(grid: Grid, results: readonly (Result | undefined)[]): string | undefined {
  const { axes, cells } = grid
  const [rows, columns] = axes
  const measured = results.find(result => result !== undefined && result.linear !== null)
  if (!measured) return undefined
  const { method, data } = measured
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
    points: results.map((result, i) => [x[i]!, (result && of(result)) ?? Number.NaN] as const),
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
}

/**
 * k-NN over the course of training, the mean of a method's seeds; nothing where it was never measured in training. Over
 * steps and not epochs, because a method that makes its own images has others.
 */
export function comparisonPicture(methods: readonly Compared[]): string | undefined {
  const series = methods.map(({ method, runs }) => ({ name: method, points: meanCurve(runs) }))
  if (series.every(({ points }) => points.length < 2)) return undefined
  const [first] = methods.flatMap(({ runs }) => runs)
  const { untrained, pixels } = first!.baselines
  const references = [
    { label: 'untrained', value: untrained.knn },
    { label: 'raw pixels', value: pixels.knn },
  ].flatMap(({ label, value }) => (value === null ? [] : [{ label, value }]))
  return lineChart({
    title: `k-NN on ${first!.data}`,
    x: { label: 'steps' },
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
  runs: readonly { readonly name: string; readonly result: Result }[],
): string | undefined {
  const series = runs.map(({ name, result: { curve, embedding } }) => {
    const spread = curve.filter(({ deviation }) => deviation > 0)
    const points = spread.map(({ epoch, deviation }) => [epoch, deviation / embedding!.full_deviation] as const)
    return { name, points: embedding ? points : [] }
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

/** Step and k-NN where all of the runs measured it. */
function meanCurve(runs: readonly Result[]): Series['points'] {
  const curves = runs.map(({ curve }) => {
    return new Map(curve.flatMap(({ step, knn }) => (knn === null ? [] : [[step, knn] as const])))
  })
  const shared = [...(curves[0]?.keys() ?? [])].filter(step => curves.every(curve => curve.has(step)))
  return shared.map(step => [step, curves.reduce((sum, curve) => sum + curve.get(step)!, 0) / curves.length])
}
