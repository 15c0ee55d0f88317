/** `selfsame eval`: what the encoder of a run is worth. */
import { Command } from 'commander'
import type { LabelBudget } from '../data/sampler.js'
import { ConfigError } from '../device/errors.js'
import { createLog } from '../train/log.js'
import { resumeConfig } from '../train/recipes.js'
import type { EvaluationKind, EvaluationResult } from '../train/result.js'
import { readRunConfig } from '../train/runDirectory.js'
import {
  ADAPTER_OPTION,
  DEVICE_OPTION,
  jsonOption,
  namingOptions,
  optionFor,
  printResult,
  type SettingOption,
  settingsFrom,
} from './options.js'
import { percent, table } from './table.js'

const ANYWHERE: readonly SettingOption[] = [DEVICE_OPTION, ADAPTER_OPTION]
const NEIGHBOURS: readonly SettingOption[] = [
  ...ANYWHERE,
  { flags: '--neighbours <k>', path: 'evaluation.neighbours' },
  { flags: '--temperature <x>', path: 'evaluation.temperature' },
]

interface EvalOptions extends Readonly<Record<string, unknown>> {
  readonly run: string
  readonly data?: string
  readonly json?: boolean
}

export const evalCommand = new Command('eval')
  .description("What a run's encoder is worth on its test images, beside raw pixels and the untrained encoder.")
  .addCommand(evaluation('knn', 'the weighted vote of the nearest training images', NEIGHBOURS))
  .addCommand(evaluation('linear', 'a linear classifier on frozen features, fitted by L-BFGS'))
  .addCommand(
    evaluation('kmeans', 'clusters found without labels, as classes: accuracy and mutual information')
      .option('--clusters <k>', 'by default the number of classes', wholeFrom('--clusters', 1))
      .option('--seed <n>', "of the first centres; by default the run's", wholeFrom('--seed', 0)),
  )
  .addCommand(
    evaluation('finetune', "the whole encoder trained on a few labels, beside the same without pretraining (SimCLR's)")
      .requiredOption(
        '--labels <n>',
        'how many labels, 100, or what part of them, 1%; equally many a class',
        readLabels,
      )
      .option('--epochs <n>', '60 for up to 3 % of the labels, else 30; at least 500 steps', wholeFrom('--epochs', 1))
      .option('--batch <n>', '256, or all labelled images where they are fewer', wholeFrom('--batch', 2))
      .option('--lr <rate>', 'for a batch of 256, grows with it; by default 0.05', rateFrom('--lr'))
      .option('--seed <n>', "of the labels, the order and the views; by default the run's", wholeFrom('--seed', 0)),
  )

function evaluation(kind: EvaluationKind, description: string, settings = ANYWHERE): Command {
  const command = new Command(kind)
    .description(description)
    .requiredOption('--run <folder>', 'the folder of a run')
    .option('--data <spec>', "another data set than the run's own")
  for (const setting of settings) command.addOption(optionFor(setting))
  return command.addOption(jsonOption()).action((options: EvalOptions) => evaluate(kind, settings, options))
}

async function evaluate(
  kind: EvaluationKind,
  known: readonly SettingOption[],
  { run, data, json, ...options }: EvalOptions,
): Promise<void> {
  const saved = readRunConfig(run)
  if (saved === undefined) throw new ConfigError(`--run: there is no run in ${run} (it has no config.json)`)
  const settings = settingsFrom(known, options)
  const { device, adapter, evaluation } = namingOptions(known, settings, () => resumeConfig(saved, settings))
  const { clusters, labels, epochs, batch, lr: learningRate, seed } = options
  const own = Object.entries({ clusters, labels, epochs, batch, learningRate, seed })
  const log = createLog()
  try {
    const { runEvaluation } = await import('../train/evaluate.js')
    const result = await runEvaluation({
      run,
      kind,
      device,
      log,
      ...evaluation,
      ...(data !== undefined && { data }),
      ...(adapter !== undefined && { adapter }),
      ...Object.fromEntries(own.filter(([, value]) => value !== undefined)),
    })
    log.close()
    printResult(result, json, () => describeEvaluation(result))
  } finally {
    log.close()
  }
}

/** Reads a whole number. @throws ConfigError for another text */
function wholeFrom(flag: string, least: number): (typed: string) => number {
  return typed => {
    const value = Number(typed)
    if (typed.trim() !== '' && Number.isInteger(value) && value >= least) return value
    throw new ConfigError(`${flag}: wants a whole number of at least ${least}, got ${typed}`)
  }
}

function rateFrom(flag: string): (typed: string) => number {
  return typed => {
    if (Number(typed) > 0) return Number(typed)
    throw new ConfigError(`${flag}: wants a number above 0, got ${typed}`)
  }
}

/** `100` labels, or `1%` of them. @throws ConfigError */
export function readLabels(typed: string): LabelBudget {
  const [, number = '', unit] = /^\s*([\d.]+)\s*(%?)\s*$/.exec(typed) ?? []
  const value = Number(number)
  if (unit === '%' && value > 0 && value <= 100) return { share: value / 100 }
  if (unit === '' && Number.isInteger(value) && value >= 1) return { count: value }
  throw new ConfigError(`--labels: wants a number of labels, such as 100, or a share of them, such as 1%, got ${typed}`)
}

const HEADINGS = { knn: 'k-NN', linear: 'linear', kmeans: 'k-means', finetune: 'fine-tuned' } as const

export function describeEvaluation(result: EvaluationResult): string {
  const { kind, method, encoder, data, step, accuracy, baselines, nmi, labels, epochs } = result
  const withNmi = (value: number | undefined) => (value === undefined ? [] : [value.toFixed(3)])
  const rows = [
    ['features', HEADINGS[kind], ...(nmi ? ['NMI'] : [])],
    [`${method} ${encoder}`, percent(accuracy), ...withNmi(nmi?.trained)],
    [`untrained ${encoder}`, percent(baselines.untrained), ...withNmi(nmi?.untrained)],
    ...(baselines.pixels === null ? [] : [['raw pixels', percent(baselines.pixels), ...withNmi(nmi?.pixels)]]),
  ]
  const how = labels === undefined ? '' : `, fine-tuned on ${labels} labels for ${epochs} epochs`
  return `${method} on ${data} after ${step} steps${how}\n\n${table(rows)}`
}
