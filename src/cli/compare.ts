/** `selfsame compare`: several methods under one protocol and set of seeds, in one table. */
import { join } from 'node:path'
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { writeWhole } from '../train/checkpoint.js'
import { createLog } from '../train/log.js'
import { methodNames } from '../train/methods/index.js'
import { type Settings, usualRecipe } from '../train/recipes.js'
import type { Result } from '../train/result.js'
import type { StudyRun } from '../train/study.js'
import {
  addSettings,
  jsonOption,
  listOf,
  printResult,
  STUDY_SETTINGS,
  settingsFrom,
  settingsOptions,
} from './options.js'
import { comparisonPicture } from './studyPictures.js'
import { percent, table } from './table.js'

interface CompareOptions extends Readonly<Record<string, unknown>> {
  readonly methods: string
  readonly seeds: string
  readonly recipe?: string
  readonly out: string
  readonly set?: readonly string[]
  readonly json?: boolean
}

/** One line of the table: a method over its seeds. */
export interface ComparedMethod {
  readonly method: string
  readonly runs: readonly Result[]
}

export const compareCommand = settingsOptions(
  new Command('compare')
    .description('Train several methods under one protocol, and write one table.')
    .requiredOption('--methods <names>', `with commas, or all: ${methodNames.join(',')}`)
    .option('--seeds <numbers>', 'with commas; each method is trained once with each', '0')
    .option('--recipe <name>', 'settings to start from; of a recipe with one file a method, each its own')
    .option('--out <folder>', 'where the runs go; those that are there are not run again', 'runs/compare'),
  STUDY_SETTINGS,
)
  .addOption(jsonOption())
  .action((options: CompareOptions) => compare(options))

async function compare(options: CompareOptions): Promise<void> {
  const names = options.methods === 'all' ? methodNames : listOf(options.methods)
  const unknown = names.find(name => !methodNames.includes(name))
  if (unknown !== undefined)
    throw new ConfigError(`--methods: there is no ${unknown}; there are ${methodNames.join(', ')}`)
  const seeds = listOf(options.seeds).map(Number)
  if (!seeds.every(seed => Number.isInteger(seed) && seed >= 0)) {
    throw new ConfigError(`--seeds: wants whole numbers with commas, got ${options.seeds}`)
  }
  const settings = addSettings(settingsFrom(STUDY_SETTINGS, options), options.set ?? [])
  const runs = names.flatMap(method => seeds.map(seed => studyRun(method, seed, settings, options.recipe)))
  const log = createLog()
  try {
    const { runStudy } = await import('../train/study.js')
    const results = await runStudy(runs, { out: options.out, log })
    const rows = names.map((method, i) => {
      const [begin, end] = [i * seeds.length, (i + 1) * seeds.length]
      const folders = runs.slice(begin, end).map(({ name }) => join(options.out, name))
      return { method, runs: results.slice(begin, end), folders }
    })
    const text = await describeComparison(rows)
    await writeWhole(options.out, 'compare.json', `${JSON.stringify({ methods: rows }, null, 2)}\n`)
    await writeWhole(options.out, 'compare.txt', `${text}\n`)
    const picture = comparisonPicture(rows)
    if (picture !== undefined) await writeWhole(options.out, 'compare.svg', picture)
    log.close()
    printResult({ methods: rows }, options.json, () => `${text}\n\nruns, table and picture are in ${options.out}`)
  } finally {
    log.close()
  }
}

function studyRun(method: string, seed: number, given: Settings, recipe: string | undefined): StudyRun {
  const settings = { ...given, method, seed }
  const named = recipe ?? usualRecipe(settings)
  return { name: `${method}-${seed}`, settings, ...(named !== undefined && { recipe: named }) }
}

const MEBIBYTE = 2 ** 20

/** The table: accuracies with their standard deviation over seeds, the baselines below. */
export async function describeComparison(methods: readonly ComparedMethod[]): Promise<string> {
  const { meanOf } = await import('../train/study.js')
  const over = (runs: readonly Result[], of: (run: Result) => number | null, show: (mean: number) => string) => {
    const { mean, deviation } = meanOf(runs.map(of))
    return mean === null
      ? '–'
      : `${show(mean)}${deviation === undefined ? '' : ` ± ${show(deviation).replace(' %', '')}`}`
  }
  const decimals = (count: number) => (value: number) => value.toFixed(count)
  const rows = methods.map(({ method, runs }) => [
    method,
    over(runs, run => run.knn, percent),
    over(runs, run => run.linear, percent),
    over(runs, run => run.loss_last, decimals(3)),
    runs[0]!.loss_chance.toFixed(3),
    over(runs, run => run.images_per_s, decimals(0)),
    over(runs, run => run.peak_bytes && run.peak_bytes / MEBIBYTE, decimals(0)),
    over(runs, run => run.embedding && run.embedding.deviation / run.embedding.full_deviation, decimals(2)),
    over(runs, run => run.embedding?.effective_rank ?? null, decimals(1)),
    [...new Set(runs.map(run => run.embedding?.verdict ?? '–'))].join(', '),
  ])
  const all = methods.flatMap(({ runs }) => runs)
  const baseline = (name: string, key: 'untrained' | 'pixels') => [
    name,
    over(all, ({ baselines }) => baselines[key].knn, percent),
    over(all, ({ baselines }) => baselines[key].linear, percent),
    ...Array.from({ length: 7 }, () => ''),
  ]
  const head = ['method', 'k-NN', 'linear', 'loss', 'chance', 'images/s', 'MiB', 'std·√d', 'rank', 'embedding']
  const sides = ['left', ...Array<'right'>(8).fill('right'), 'left'] as const
  return table([head, ...rows, baseline('untrained', 'untrained'), baseline('raw pixels', 'pixels')], sides)
}
