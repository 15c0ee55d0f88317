/** `selfsame collapse`: the ablations that the field argued about, as one table beside the published figures. */
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { writeWhole } from '../train/checkpoint.js'
import { ABLATIONS, type Ablation, directionOf, type Finding, judge, type Source } from '../train/laboratory.js'
import { createLog } from '../train/log.js'
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
import { collapsePicture } from './studyPictures.js'
import { markdownTable, percent, table } from './table.js'

const RECIPE = 'collapse'

interface CollapseOptions extends Readonly<Record<string, unknown>> {
  readonly only?: string
  readonly seed: string
  readonly out: string
  readonly set?: readonly string[]
  readonly json?: boolean
}

export const collapseCommand = settingsOptions(
  new Command('collapse')
    .description('Take BYOL apart, one thing at a time, and see what collapses, beside what was published.')
    .option('--only <names>', `with commas: ${ABLATIONS.map(({ name }) => name).join(',')}`)
    .option('--seed <n>', 'seed of every run', '0')
    .option('--out <folder>', 'where the runs go; those that are there are not run again', 'runs/collapse'),
  STUDY_SETTINGS,
)
  .addOption(jsonOption())
  .action((options: CollapseOptions) => collapse(options))

async function collapse(options: CollapseOptions): Promise<void> {
  const chosen = chosenAblations(options.only)
  const given = addSettings(settingsFrom(STUDY_SETTINGS, options), options.set ?? [])
  const seed = Number(options.seed)
  const log = createLog()
  try {
    const { runStudy, wantAll } = await import('../train/study.js')
    const { mergeSettings } = await import('../train/recipes.js')
    const runs = chosen.map(({ name, settings }) => {
      return { name, settings: mergeSettings(mergeSettings(given, settings), { seed }), recipe: RECIPE }
    })
    const outcomes = await interruptible(signal => runStudy(runs, { out: options.out, log, signal }))
    // Without the first there is nothing to hold the others against.
    if (!outcomes[0]!.result) wantAll(outcomes)
    const done = chosen.flatMap((ablation, i) => {
      const { result } = outcomes[i]!
      return result ? [{ ablation, name: ablation.name, result }] : []
    })
    const findings = done.map(({ ablation, result }) => judge(ablation, result, done[0]!.result))
    const text = describeFindings(findings)
    await writeWhole(options.out, 'collapse.json', `${JSON.stringify({ findings }, null, 2)}\n`)
    await writeWhole(options.out, 'collapse.txt', `${text}\n`)
    await writeWhole(options.out, 'collapse.md', `${describeFindings(findings, markdownTable)}\n`)
    const picture = collapsePicture(done)
    if (picture !== undefined) await writeWhole(options.out, 'collapse.svg', picture)
    log.close()
    printResult({ findings }, options.json, () => `${text}\n\nruns, table and picture are in ${options.out}`)
    wantAll(outcomes)
  } finally {
    log.close()
  }
}

/** The unablated network and those that are named, in the order of the table. @throws ConfigError for another name */
export function chosenAblations(only: string | undefined): Ablation[] {
  const names = only === undefined ? ABLATIONS.map(({ name }) => name) : listOf(only)
  const unknown = names.find(name => !ABLATIONS.some(ablation => ablation.name === name))
  if (unknown !== undefined) {
    throw new ConfigError(`--only: there is no ${unknown}; there are ${ABLATIONS.map(({ name }) => name).join(', ')}`)
  }
  return ABLATIONS.filter(({ name }, i) => i === 0 || names.includes(name))
}

const WORDS = { null: '–', true: 'yes', false: 'no' } as const
const HEAD = ['setting', 'published', 'direction', 'std·√d', 'rank', 'embedding', 'k-NN', 'linear', 'ours', 'agrees']
const SIDES = ['left', 'right', 'left', 'right', 'right', 'left', 'right', 'right', 'left', 'left'] as const

/**
 * The table: what was published and which way that points, what came of it here; and what its letters stand for.
 * @param form how the rows become a table: for a terminal, or `markdownTable`
 */
export function describeFindings(
  findings: readonly Finding[],
  form: (rows: readonly (readonly string[])[]) => string = rows => table(rows, SIDES),
): string {
  const rows = findings.map(({ ablation, result, outcome, agrees }) => [
    ablation.setting,
    ablation.published.map(({ accuracy, source }) => `${accuracy} ${source.mark}`).join(', ') || '–',
    directionOf(ablation) ?? '–',
    result.embedding ? (result.embedding.deviation / result.embedding.full_deviation).toFixed(2) : '–',
    result.embedding?.effective_rank.toFixed(1) ?? '–',
    result.embedding?.verdict ?? '–',
    percent(result.knn),
    percent(result.linear),
    outcome,
    WORDS[`${agrees}`],
  ])
  const { untrained } = findings[0]!.result.baselines
  const baseline = ['untrained encoder', '', '', '', '', '', percent(untrained.knn), percent(untrained.linear), '', '']
  return [form([HEAD, ...rows, baseline]), '', agreement(findings), '', ...notesOf(findings)].join('\n')
}

function agreement(findings: readonly Finding[]): string {
  const clear = findings.filter(({ agrees }) => agrees !== null)
  const others = clear.filter(({ agrees }) => agrees === false).map(({ ablation }) => ablation.setting)
  const count = `As published in ${clear.length - others.length} of ${clear.length} rows that the papers are clear about`
  return others.length === 0 ? `${count}.` : `${count}; otherwise: ${others.join('; ')}.`
}

function notesOf(findings: readonly Finding[]): string[] {
  const cited = new Map<string, Source>()
  for (const { ablation } of findings) for (const { source } of ablation.published) cited.set(source.mark, source)
  const notes = [...cited.values()].sort((a, b) => a.mark.localeCompare(b.mark))
  return [
    'Published, linear, in per cent:',
    ...notes.map(({ mark, table, url }) => `- ${mark}: ${table} (${url})`),
    '',
    'An ablation fails where its embeddings collapse, or where the linear probe gains less than half of what it gains with ' +
      'the first row over the untrained encoder.',
  ]
}
