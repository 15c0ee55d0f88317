/** What the commands share: options that are settings of a run, and how their texts become values. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../device/errors.js'
import { describeSetting } from '../train/config.js'
import type { Settings } from '../train/recipes.js'

/** An option `flags` of the command line that is the setting `path` of a configuration. */
export interface SettingOption {
  readonly flags: string
  readonly path: string
}

/** The text in help is the setting's own description. */
export function optionFor({ flags, path }: SettingOption): Option {
  return new Option(flags, describeSetting(path))
}

/**
 * The settings that were given, nested. What reads as a number becomes one; whether the setting takes such a value is
 * the configuration's business, and so is the error.
 * @param values what commander made of the command line
 */
export function settingsFrom(options: readonly SettingOption[], values: Readonly<Record<string, unknown>>): Settings {
  const settings: Record<string, unknown> = {}
  for (const option of options) {
    // A flag without a value is true.
    const typed = values[optionFor(option).attributeName()] as string | true | undefined
    if (typed !== undefined) put(settings, option.path, typed === true ? true : readTyped(option.path, typed))
  }
  return settings
}

/** Adds what `--set` says, `PATH=VALUE` each: any setting by its path, `options.queue=4096`. @throws ConfigError */
export function addSettings(settings: Settings, assignments: readonly string[]): Settings {
  const all = structuredClone(settings) as Record<string, unknown>
  for (const assignment of assignments) {
    const [path = '', value] = assignment.split(/=(.*)/s)
    if (!/^[A-Za-z]+(\.[A-Za-z]+)*$/.test(path) || value === undefined) {
      throw new ConfigError(`--set: wants PATH=VALUE, such as options.temperature=0.2, got ${assignment}`)
    }
    put(all, path, readValue(value))
  }
  return all
}

function put(settings: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop()!
  let section = settings
  for (const key of keys) {
    section[key] ??= {}
    section = section[key] as Record<string, unknown>
  }
  section[last] = value
}

function readTyped(path: string, typed: string): unknown {
  if (path === 'data') return typed
  if (path === 'projector') return typed.split(',').map(numberOrText)
  return numberOrText(typed)
}

/** JSON where it is some (`true`, `[256,128]`, `0.2`), a text otherwise. */
function readValue(typed: string): unknown {
  try {
    return JSON.parse(typed)
  } catch {
    return typed
  }
}

function numberOrText(typed: string): number | string {
  return typed.trim() === '' || Number.isNaN(Number(typed)) ? typed : Number(typed)
}

/** Runs `body`; an error about a setting that was given as an option names the option instead: `--lr: wants …`. */
export function namingOptions<T>(options: readonly SettingOption[], given: Settings, body: () => T): T {
  try {
    return body()
  } catch (error) {
    const path = error instanceof ConfigError ? error.message.split(': ')[0]! : ''
    const option = options.find(candidate => candidate.path === path)
    const value = path.split('.').reduce<unknown>((object, key) => (object as Settings | undefined)?.[key], given)
    if (!option || value === undefined) throw error
    throw new ConfigError(optionFor(option).long + (error as ConfigError).message.slice(path.length), { cause: error })
  }
}

export const DEVICE_OPTION: SettingOption = { flags: '--device <name>', path: 'device' }
export const ADAPTER_OPTION: SettingOption = { flags: '--adapter <kind>', path: 'adapter' }

/** What every run of a study has in common. */
export const STUDY_SETTINGS: readonly SettingOption[] = [
  { flags: '--data <spec>', path: 'data' },
  { flags: '--encoder <name>', path: 'encoder' },
  { flags: '--epochs <n>', path: 'epochs' },
  { flags: '--steps <n>', path: 'steps' },
  { flags: '--limit <n>', path: 'limit' },
  { flags: '--batch <n>', path: 'batch' },
  { flags: '--lr <rate>', path: 'optimizer.learningRate' },
  { flags: '--precision <name>', path: 'precision' },
  DEVICE_OPTION,
  ADAPTER_OPTION,
]

/** A command with an option for each of these settings, and `--set` for all others. */
export function settingsOptions(command: Command, options: readonly SettingOption[]): Command {
  for (const setting of options) command.addOption(optionFor(setting))
  return command.option('--set <path=value...>', "any setting by its path, the method's own too: options.momentum=0.99")
}

/** `a,b,c` as a list. */
export function listOf(typed: string): string[] {
  return typed
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** Reads an option's value. */
export function whole(least: number): (typed: string) => number {
  return typed => {
    const value = Number(typed)
    if (Number.isInteger(value) && value >= least && typed.trim() !== '') return value
    throw new InvalidArgumentError(`It wants a whole number of at least ${least}.`)
  }
}

export function jsonOption(): Option {
  return new Option('--json', 'print the result as one JSON object on the last line of stdout')
}

/** The result, alone on the last line of stdout, or for people. */
export function printResult(result: object, asJson: boolean | undefined, forPeople: () => string): void {
  process.stdout.write(`${asJson ? JSON.stringify(result) : forPeople()}\n`)
}
