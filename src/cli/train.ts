/** `selfsame train`: trains an encoder, measures it, prints what came of it. */
import { join } from 'node:path'
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import type { Config } from '../train/config.js'
import { createLog } from '../train/log.js'
import { resolveConfig, resumeConfig, usualRecipe } from '../train/recipes.js'
import type { Result } from '../train/result.js'
import { checkRunDirectory, readRunConfig } from '../train/runDirectory.js'
import { interruptible } from './interruptible.js'
import {
  ADAPTER_OPTION,
  addSettings,
  DEVICE_OPTION,
  jsonOption,
  namingOptions,
  printResult,
  type SettingOption,
  settingsFrom,
  settingsOptions,
} from './options.js'
import { percent, table } from './table.js'

const SETTINGS: readonly SettingOption[] = [
  { flags: '--method <name>', path: 'method' },
  { flags: '--data <spec>', path: 'data' },
  { flags: '--encoder <name>', path: 'encoder' },
  { flags: '--width <channels>', path: 'width' },
  { flags: '--stem <name>', path: 'stem' },
  { flags: '--projector <widths>', path: 'projector' },
  { flags: '--projector-norm <where>', path: 'projectorNorm' },
  { flags: '--initialisation <name>', path: 'initialisation' },
  { flags: '--epochs <n>', path: 'epochs' },
  { flags: '--steps <n>', path: 'steps' },
  { flags: '--limit <n>', path: 'limit' },
  { flags: '--labels <n>', path: 'labels' },
  { flags: '--batch <n>', path: 'batch' },
  { flags: '--seed <n>', path: 'seed' },
  { flags: '--optimizer <name>', path: 'optimizer.name' },
  { flags: '--lr <rate>', path: 'optimizer.learningRate' },
  { flags: '--weight-decay <x>', path: 'optimizer.weightDecay' },
  { flags: '--schedule <form>', path: 'schedule.form' },
  { flags: '--warmup <epochs>', path: 'schedule.warmup' },
  { flags: '--temperature <x>', path: 'options.temperature' },
  { flags: '--views <preset>', path: 'views.preset' },
  { flags: '--size <pixels>', path: 'views.size' },
  { flags: '--strength <s>', path: 'views.strength' },
  { flags: '--precision <name>', path: 'precision' },
  DEVICE_OPTION,
  ADAPTER_OPTION,
  { flags: '--online-probe', path: 'evaluation.onlineProbe' },
  { flags: '--knn-every <epochs>', path: 'evaluation.everyEpochs' },
  { flags: '--checkpoint-every <epochs>', path: 'checkpoint.everyEpochs' },
  { flags: '--checkpoint-steps <n>', path: 'checkpoint.everySteps' },
]

interface TrainOptions extends Readonly<Record<string, unknown>> {
  readonly recipe?: string
  readonly out?: string
  readonly resume?: boolean
  readonly overwrite?: boolean
  readonly bench?: boolean
  readonly stopOnCollapse?: boolean
  readonly set?: readonly string[]
  readonly json?: boolean
}

export const trainCommand = settingsOptions(
  new Command('train')
    .description('Train an encoder without labels, and hold it against raw pixels and against itself untrained.')
    .option('--recipe <name>', 'settings to start from; selfsame recipes lists them'),
  SETTINGS,
)
  .option('--stop-on-collapse', 'end as soon as all embeddings are alike')
  .option('--out <folder>', "the run's folder (default: runs/METHOD-DATA-TIME)")
  .option('--resume', 'go on from the newest good checkpoint in --out, or start where there is none')
  .option('--overwrite', 'replace the run that is in --out')
  .option('--bench', 'measure throughput only: two steps of warm-up, no evaluation')
  .addOption(jsonOption())
  .action((options: TrainOptions) => train(options))

async function train(options: TrainOptions): Promise<void> {
  const { resume = false, overwrite = false, bench = false, stopOnCollapse = false } = options
  if (resume && options.out === undefined) throw new ConfigError('--resume wants --out: the folder of the run')
  if (bench && (resume || overwrite)) throw new ConfigError('--bench keeps nothing: leave --resume and --overwrite out')
  const settings = addSettings(settingsFrom(SETTINGS, options), options.set ?? [])
  const recipe = options.recipe ?? (resume ? undefined : usualRecipe(settings))
  const saved = resume && options.out !== undefined ? readRunConfig(options.out) : undefined
  const config = namingOptions(SETTINGS, settings, () =>
    saved === undefined ? resolveConfig(settings, recipe) : resumeConfig(saved, settings, recipe),
  )
  const out = options.out ?? defaultFolder(config, new Date())
  if (!bench) checkRunDirectory(out, { resume, overwrite })

  const run = async (signal?: AbortSignal) => {
    const log = createLog()
    try {
      const { runTraining } = await import('../train/run.js')
      const shared = { out, resume, overwrite, bench, stopOnCollapse, log }
      const result = await runTraining(config, { ...shared, ...(signal && { signal }) })
      log.close()
      printResult(result, options.json, () => describeResult(result, bench ? undefined : out))
    } finally {
      log.close()
    }
  }
  // A benchmark has nothing to save.
  await (bench ? run() : interruptible(run))
}

/** `runs/simclr-mnist-20250131-235959`, in local time. */
export function defaultFolder({ method, data }: Config, time: Date): string {
  const [name = '', path = ''] = data.split(/:(.*)/s)
  const folder =
    name === 'folder'
      ? (path
          .split(/[\\/]/)
          .filter(part => part !== '')
          .at(-1) ?? name)
      : name
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`
  const clock = `${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`
  return join('runs', `${method}-${folder}-${day}-${clock}`)
}

/** @param out where the run is, if it is anywhere */
export function describeResult(result: Result, out: string | undefined): string {
  const { method, encoder, data, epochs, batch, baselines } = result
  const what = `${method} on ${data}: ${encoder}, ${Number(epochs.toPrecision(3))} epochs, batch ${batch}`
  const rate = result.images_per_s === null ? '' : `${result.images_per_s.toFixed(1)} images/s `
  const { compilation } = result
  const compiled = compilation
    ? `, ${compilation.pipelines} kernels compiled in ${(compilation.ms / 1000).toFixed(1)} s`
    : ''
  const where = `${rate}on ${result.adapter}${result.software ? ' (software)' : ''}${compiled}`
  const loss = `loss ${result.loss_first.toFixed(3)} → ${result.loss_last.toFixed(3)} (chance ${result.loss_chance.toFixed(3)})`
  const { embedding, pretext_accuracy: pretext } = result
  const spread =
    embedding &&
    `embedding ${embedding.verdict}: std ${embedding.deviation.toFixed(3)} (${embedding.full_deviation.toFixed(3)} on a ` +
      `full sphere), rank ${embedding.effective_rank.toFixed(1)} of ${embedding.dimension}`
  const task = pretext !== null && `accuracy ${percent(pretext)} at its own task on the test images`
  const rows = [
    ['features', 'k-NN', 'linear'],
    [`${method} ${encoder}`, percent(result.knn), percent(result.linear)],
    [`untrained ${encoder}`, percent(baselines.untrained.knn), percent(baselines.untrained.linear)],
    ['raw pixels', percent(baselines.pixels.knn), percent(baselines.pixels.linear)],
  ]
  const measured = result.knn !== null || result.linear !== null
  return [
    '',
    what,
    where,
    loss,
    ...(spread ? [spread] : []),
    ...(task ? [task] : []),
    ...(measured ? ['', table(rows)] : []),
    ...(out === undefined ? [] : ['', `the run is in ${out}`]),
  ].join('\n')
}
