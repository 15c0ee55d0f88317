/** `selfsame eval`: probes the encoder of a run. */
import { Argument, Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { createLog } from '../train/log.js'
import { resumeConfig } from '../train/recipes.js'
import type { EvaluationResult } from '../train/result.js'
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

const SETTINGS: readonly SettingOption[] = [
  DEVICE_OPTION,
  ADAPTER_OPTION,
  { flags: '--neighbours <k>', path: 'evaluation.neighbours' },
  { flags: '--temperature <x>', path: 'evaluation.temperature' },
]

interface EvalOptions extends Readonly<Record<string, unknown>> {
  readonly run: string
  readonly data?: string
  readonly json?: boolean
}

export const evalCommand = new Command('eval')
  .description("Probe a run's encoder on its test images, beside raw pixels and the untrained encoder.")
  .addArgument(new Argument('<kind>', 'weighted k-nearest neighbours, or a linear probe').choices(['knn', 'linear']))
  .requiredOption('--run <folder>', 'the folder of a run')
  .option('--data <spec>', "another data set than the run's own")
for (const setting of SETTINGS) evalCommand.addOption(optionFor(setting))
evalCommand.addOption(jsonOption()).action((kind: 'knn' | 'linear', options: EvalOptions) => evaluate(kind, options))

async function evaluate(kind: 'knn' | 'linear', { run, data, json, ...options }: EvalOptions): Promise<void> {
  const saved = readRunConfig(run)
  if (saved === undefined) throw new ConfigError(`--run: there is no run in ${run} (it has no config.json)`)
  const settings = settingsFrom(SETTINGS, options)
  const { device, adapter, evaluation } = namingOptions(SETTINGS, settings, () => resumeConfig(saved, settings))
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
    })
    log.close()
    printResult(result, json, () => describeEvaluation(result))
  } finally {
    log.close()
  }
}

export function describeEvaluation({
  kind,
  method,
  encoder,
  data,
  step,
  accuracy,
  baselines,
}: EvaluationResult): string {
  const rows = [
    ['features', kind === 'knn' ? 'k-NN' : 'linear'],
    [`${method} ${encoder}`, percent(accuracy)],
    [`untrained ${encoder}`, percent(baselines.untrained)],
    ['raw pixels', percent(baselines.pixels)],
  ]
  return `${method} on ${data} after ${step} steps\n\n${table(rows)}`
}
