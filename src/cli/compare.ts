/** `selfsame compare`: several methods under one protocol and set of seeds, in one table. */
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { writeWhole } from '../train/checkpoint.js'
import { createLog } from '../train/log.js'
import { methodNames } from '../train/methods/index.js'
import { type Settings, usualRecipe } from '../train/recipes.js'
import type { StudyRun } from '../train/study.js'
import { comparisonPage, describeComparison } from './comparison.js'
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
import { comparisonPicture } from './studyPictures.js'

interface CompareOptions extends Readonly<Record<string, unknown>> {
  readonly methods: string
  readonly seeds: string
  readonly recipe?: string
  readonly out: string
  readonly set?: readonly string[]
  readonly json?: boolean
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
    const { runStudy, wantAll } = await import('../train/study.js')
    const outcomes = await interruptible(signal => runStudy(runs, { out: options.out, log, signal }))
    const rows = names.map((method, i) => {
      const own = outcomes.slice(i * seeds.length, (i + 1) * seeds.length)
      const errors = own.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]))
      return { method, runs: own.flatMap(({ result }) => result ?? []), errors }
    })
    const text = describeComparison(rows)
    const write = (end: string, content: string) => writeWhole(options.out, `compare.${end}`, content)
    await write('json', `${JSON.stringify({ methods: rows }, null, 2)}\n`)
    await write('txt', `${text}\n`)
    await write('md', `${comparisonPage(rows)}\n`)
    const picture = comparisonPicture(rows)
    if (picture !== undefined) await write('svg', picture)
    log.close()
    printResult({ methods: rows }, options.json, () => `${text}\n\nruns, table and picture are in ${options.out}`)
    wantAll(outcomes)
  } finally {
    log.close()
  }
}

function studyRun(method: string, seed: number, given: Settings, recipe: string | undefined): StudyRun {
  const settings = { ...given, method, seed }
  const named = recipe ?? usualRecipe(settings)
  return { name: `${method}-${seed}`, settings, ...(named !== undefined && { recipe: named }) }
}
