/** `selfsame sweep`: one method over values of one or two settings, as a table and a picture. */
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { writeWhole } from '../train/checkpoint.js'
import { createLog } from '../train/log.js'
import { type Settings, usualRecipe } from '../train/recipes.js'
import type { Result } from '../train/result.js'
import { interruptible } from './interruptible.js'
import {
  addSettings,
  jsonOption,
  listOf,
  printResult,
  STUDY_SETTINGS,
  settingsFrom,
  settingsOptions,
} from './options.js'
import { sweepPicture } from './studyPictures.js'
import { type Axis, augmentationAxes, axisOf, type Grid, gridOf } from './sweepGrid.js'
import { percent, table } from './table.js'

interface SweepOptions extends Readonly<Record<string, unknown>> {
  readonly augmentations?: boolean
  readonly over?: readonly string[]
  readonly batches?: string
  readonly temperatures?: string
  readonly recipe?: string
  readonly out: string
  readonly set?: readonly string[]
  readonly json?: boolean
}

const SETTINGS = [
  { flags: '--method <name>', path: 'method' },
  { flags: '--seed <n>', path: 'seed' },
  ...STUDY_SETTINGS.filter(({ path }) => path !== 'batch'),
]

export const sweepCommand = settingsOptions(
  new Command('sweep')
    .description('Train one method over values of one or two settings, and write a table and a picture.')
    .option('--augmentations', 'every pair of parts of a view, and every part alone')
    .option('--batch <numbers>', 'batch sizes, with commas')
    .option('--temperature <numbers>', 'temperatures, with commas')
    .option('--over <path=values...>', 'any setting by its path: --over options.momentum=0.9,0.99; at most two')
    .option('--recipe <name>', 'settings to start from')
    .option('--out <folder>', 'where the runs go; those that are there are not run again', 'runs/sweep'),
  SETTINGS,
)
  .addOption(jsonOption())
  .action((options: SweepOptions) => sweep(options))

async function sweep(options: SweepOptions): Promise<void> {
  const axes = axesOf(options)
  const settings = addSettings(settingsFrom(SETTINGS, options), options.set ?? [])
  const grid = gridOf(axes, settings)
  const recipe = options.recipe ?? usualRecipe(settings)
  const log = createLog()
  try {
    const { runStudy, wantAll } = await import('../train/study.js')
    const runs = grid.cells.map(({ name, settings: own }) => ({ name, settings: own, ...(recipe && { recipe }) }))
    const outcomes = await interruptible(signal => runStudy(runs, { out: options.out, log, signal }))
    const results = outcomes.map(({ result }) => result)
    const text = describeSweep(grid, results)
    await writeWhole(options.out, 'sweep.json', `${JSON.stringify({ axes, outcomes }, null, 2)}\n`)
    await writeWhole(options.out, 'sweep.txt', `${text}\n`)
    const picture = sweepPicture(grid, results)
    if (picture !== undefined) await writeWhole(options.out, 'sweep.svg', picture)
    log.close()
    printResult({ axes, outcomes }, options.json, () => `${text}\n\nruns, table and picture are in ${options.out}`)
    wantAll(outcomes)
  } finally {
    log.close()
  }
}

/** @throws ConfigError for none and for more than two */
function axesOf({ augmentations, batch, temperature, over = [] }: SweepOptions & Settings): Axis[] {
  const axes = [
    ...(augmentations ? augmentationAxes() : []),
    ...(typeof batch === 'string' ? [axisOf('batch', listOf(batch))] : []),
    ...(typeof temperature === 'string' ? [axisOf('options.temperature', listOf(temperature))] : []),
    ...over.map(assignment => {
      const [path = '', values = ''] = assignment.split(/=(.*)/s)
      return axisOf(path, listOf(values))
    }),
  ]
  if (axes.length === 1 || axes.length === 2) return axes
  throw new ConfigError(
    `sweep: wants one or two of --batch, --temperature and --over, or --augmentations alone, got ${axes.length || 'none'}`,
  )
}

/** k-NN and linear accuracy over one axis (`failed` where a run came to nothing); over two, the linear accuracy as a square and then k-NN's. */
export function describeSweep({ axes, cells }: Grid, results: readonly (Result | undefined)[]): string {
  const [rows, columns] = axes
  if (!columns) {
    const body = results.map((result, i) => {
      const { label } = rows!.ticks[i]!
      if (!result) return [label, '–', '–', '–', 'failed']
      const { knn, linear, loss_last, embedding } = result
      return [label, percent(knn), percent(linear), loss_last.toFixed(3), embedding?.verdict ?? '–']
    })
    return table(
      [[rows!.name, 'k-NN', 'linear', 'loss', 'embedding'], ...body],
      ['left', 'right', 'right', 'right', 'left'],
    )
  }
  const square = (name: string, of: (result: Result) => number | null) => {
    const value = (row: number, column: number) => {
      const cell = cells.findIndex(({ at }) => at[0] === row && at[1] === column)
      const result = results[cell]
      return cell < 0 ? '' : result ? percent(of(result)) : 'failed'
    }
    const body = rows!.ticks.map(({ label }, row) => [label, ...columns.ticks.map((_, column) => value(row, column))])
    return `${name}\n${table([[`${rows!.name} \\ ${columns.name}`, ...columns.ticks.map(({ label }) => label)], ...body])}`
  }
  return [square('linear', ({ linear }) => linear), square('k-NN', ({ knn }) => knn)].join('\n\n')
}
