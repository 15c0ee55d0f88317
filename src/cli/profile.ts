/** `selfsame profile`: where the time of a training step goes, launch by launch. */
import { statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Command } from 'commander'
import { ConfigError } from '../device/errors.js'
import { createLog } from '../train/log.js'
import type { Profile } from '../train/profile/profile.js'
import { resolveConfig, usualRecipe } from '../train/recipes.js'
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
  whole,
} from './options.js'
import { percent, table } from './table.js'

const SETTINGS: readonly SettingOption[] = [
  { flags: '--method <name>', path: 'method' },
  { flags: '--data <spec>', path: 'data' },
  { flags: '--encoder <name>', path: 'encoder' },
  { flags: '--width <channels>', path: 'width' },
  { flags: '--projector <widths>', path: 'projector' },
  { flags: '--limit <n>', path: 'limit' },
  { flags: '--batch <n>', path: 'batch' },
  { flags: '--size <pixels>', path: 'views.size' },
  { flags: '--precision <name>', path: 'precision' },
  DEVICE_OPTION,
  ADAPTER_OPTION,
]

interface ProfileOptions extends Readonly<Record<string, unknown>> {
  readonly recipe?: string
  readonly steps: number
  readonly trace?: string
  readonly set?: readonly string[]
  readonly json?: boolean
}

/** Of a shape, for a line that fits a terminal; the trace and the JSON have all of it. */
const LONGEST = 56
const clipped = (shape: string) => (shape.length > LONGEST ? `${shape.slice(0, LONGEST - 2)} …` : shape)

export const profileCommand = settingsOptions(
  new Command('profile')
    .description('Time every launch of a few training steps: what takes how long, how much moves, where nothing runs.')
    .option('--recipe <name>', 'settings to start from; selfsame recipes lists them'),
  SETTINGS,
)
  .option('--steps <n>', 'steps that are timed, after two that are not', whole(1), 5)
  .option('--trace <file>', 'write all launches as a Chrome trace, for chrome://tracing, Perfetto or speedscope')
  .addOption(jsonOption())
  .action((options: ProfileOptions) => profile(options))

async function profile(options: ProfileOptions): Promise<void> {
  const { steps, trace } = options
  if (trace !== undefined && !statSync(dirname(trace), { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`--trace: there is no folder ${dirname(trace)}`)
  }
  const settings = addSettings(settingsFrom(SETTINGS, options), options.set ?? [])
  const recipe = options.recipe ?? usualRecipe(settings)
  const config = namingOptions(SETTINGS, settings, () => resolveConfig(settings, recipe))
  const { profileTraining } = await import('../train/profile/profile.js')
  const log = createLog()
  const { profile, times } = await profileTraining(config, { steps, log }).finally(() => log.close())
  if (trace !== undefined) {
    const { chromeTrace } = await import('../train/profile/chromeTrace.js')
    writeFileSync(trace, JSON.stringify(chromeTrace(times, `${profile.device}: ${profile.adapter}`)))
  }
  printResult(profile, options.json, () => describeProfile(profile))
}

// Launches that together take less than this share are one line.
const SMALL = 0.002

export function describeProfile(profile: Profile): string {
  const { method, encoder, data, batch, precision, device, adapter, software, driver, steps, launches } = profile
  const { step_ms, images_per_s, idle } = profile
  const large = launches.filter(({ share }) => share >= SMALL)
  const small = launches.filter(({ share }) => share < SMALL)
  const count = (launches: number) => Number(launches.toFixed(1)).toString()
  const sum = (key: 'ms' | 'share' | 'count') => small.reduce((total, group) => total + group[key], 0)
  const rest = ['', `${small.length} smaller`, count(sum('count')), sum('ms').toFixed(2), percent(sum('share')), '', '']
  const rows = large.map(({ op, shape, count: each, ms, share, bytes, gb_s }) => {
    return [op, clipped(shape), count(each), ms.toFixed(2), percent(share), (bytes / 1e6).toFixed(1), gb_s.toFixed(1)]
  })
  const gap = idle.longest
    ? `, at most ${idle.longest.ms.toFixed(2)} ms on end, between ${idle.longest.after} and ${idle.longest.before}`
    : ''
  return [
    '',
    `${method} on ${data}: ${encoder}, batch ${batch}, ${precision}`,
    `${device} on ${adapter}${software ? ' (software)' : ''} (${driver})`,
    `${step_ms.toFixed(1)} ms a step, ${images_per_s.toFixed(1)} images/s, mean of ${steps}`,
    '',
    table(
      [
        ['op', 'shape', 'a step', 'ms', 'share', 'MB', 'GB/s'],
        ...rows,
        ...(small.length > 0 ? [rest] : []),
        ['idle', '', '', idle.ms.toFixed(2), percent(idle.share), '', ''],
      ],
      ['left', 'left'],
    ),
    '',
    `by op: ${byOp(profile)}`,
    `idle ${idle.ms.toFixed(2)} ms a step${gap}`,
  ].join('\n')
}

/** The share of each op, the largest first. */
function byOp({ launches }: Profile): string {
  const shares = new Map<string, number>()
  for (const { op, share } of launches) shares.set(op, (shares.get(op) ?? 0) + share)
  return [...shares]
    .filter(([, share]) => share >= SMALL)
    .sort(([, a], [, b]) => b - a)
    .map(([op, share]) => `${op} ${percent(share)}`)
    .join(', ')
}
