/**
 * Recipes: named settings with their source. `recipes/NAME.json` is for any data set and method,
 * `recipes/DATASET/NAME.json` for one data set, `recipes/NAME/METHOD.json` for one method; the first of these that is
 * there is taken, in the order DATASET/NAME, NAME/METHOD, NAME. They lie in the package, beside `package.json`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ConfigError } from '../device/errors.js'
import { type Config, parseConfig } from './config.js'

/** Settings as they are written: some of a configuration, nested. */
export interface Settings {
  readonly [key: string]: unknown
}

export interface Recipe {
  /** With its folder: `mnist/peer`. */
  readonly name: string
  /** Which paper, code or measurement the numbers are from. */
  readonly source: string
  readonly note: string
  /** Without what `extends` brings. */
  readonly config: Settings
  /** The full name of a recipe that is applied before this one. */
  readonly extends?: string
}

const recipeSchema = z.strictObject({
  extends: z.string().exactOptional(),
  source: z.string().min(1),
  note: z.string().min(1),
  config: z.record(z.string(), z.unknown()),
})

const DEFAULTS = 'defaults'

/** The folder `recipes` of the package that this file is part of. */
function recipesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder)
      throw new ConfigError('recipes: no package.json above the program; install it again')
    folder = dirname(folder)
  }
  return join(folder, 'recipes')
}

/** Full names of all recipes, in order. */
export function recipeNames(): string[] {
  return (readdirSync(recipesFolder(), { recursive: true }) as string[])
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length).replaceAll('\\', '/'))
    .filter(name => name !== DEFAULTS)
    .sort()
}

/**
 * @param name with its folder (`cifar10/simclr`), or without (`simclr`, `peer`): then that of the data set, of the
 * method, or the one for all
 * @param data a data specification: `mnist`, `folder:PATH`
 * @throws ConfigError for a name that there is not; it lists those there are.
 */
export function loadRecipe(name: string, data: string, method: string): Recipe {
  const names = recipeNames()
  const candidates = [`${data.split(':')[0]}/${name}`, `${name}/${method}`, name]
  const found = candidates.find(candidate => names.includes(candidate))
  if (found === undefined) {
    throw new ConfigError(`there is no recipe '${name}' for ${data}; there are ${names.join(', ')}`)
  }
  return readRecipe(found)
}

function readRecipe(name: string): Recipe {
  return { name, ...recipeSchema.parse(JSON.parse(readFileSync(join(recipesFolder(), `${name}.json`), 'utf8'))) }
}

/** The settings of a recipe with those of the recipes that it extends. */
function settingsOf(recipe: Recipe): Settings {
  return recipe.extends === undefined
    ? recipe.config
    : mergeSettings(settingsOf(readRecipe(recipe.extends)), recipe.config)
}

/**
 * Defaults, then the recipe, then `settings`; later ones win, field by field.
 * @param settings of the command line; `data` among them decides which recipe a short name means
 * @throws ConfigError when the outcome is not a good configuration.
 */
export function resolveConfig(settings: Settings = {}, recipeName?: string): Config {
  const defaults = readRecipe(DEFAULTS).config
  const data = settings.data ?? defaults.data
  const method = String(settings.method ?? defaults.method)
  const recipe = recipeName === undefined ? {} : settingsOf(loadRecipe(recipeName, String(data), method))
  return parseConfig(mergeSettings(mergeSettings(defaults, forMethod(recipe, settings.method)), settings))
}

/** A recipe that was written for another method says nothing of this one's own settings. */
function forMethod(recipe: Settings, method: unknown): Settings {
  if (method === undefined || recipe.method === undefined || recipe.method === method) return recipe
  const { options: _, ...others } = recipe
  return others
}

/** Full names of the recipes that say they are for a method. */
export function recipesOf(method: string): string[] {
  return recipeNames().filter(name => settingsOf(readRecipe(name)).method === method)
}

/** The recipe that a run takes when none is named: minutes on a CPU, for the embedded digits. */
export function usualRecipe({ data, method }: Settings): string | undefined {
  const defaults = readRecipe(DEFAULTS).config
  const name = `mnist-check/${method ?? defaults.method}`
  return (data ?? defaults.data) === 'mnist' && recipeNames().includes(name) ? name : undefined
}

/**
 * What `--resume` goes on with: the configuration that the run was started with. Asking for another one is an error,
 * except in what does not change the outcome.
 * @param saved the content of the run's `config.json`
 * @param settings of the command line
 * @throws ConfigError when they differ: `--resume: the run has batch 256, not 128`.
 */
export function resumeConfig(saved: unknown, settings: Settings = {}, recipeName?: string): Config {
  const before = parseConfig(saved)
  const now =
    recipeName === undefined
      ? parseConfig(mergeSettings(before as unknown as Settings, settings))
      : resolveConfig({ data: before.data, ...settings }, recipeName)
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Config>) {
    if (FREE_TO_CHANGE.has(key)) continue
    const [old, wanted] = [before[key], now[key]].map(value => JSON.stringify(sorted(value)) ?? 'not set')
    if (old !== wanted) {
      throw new ConfigError(
        `--resume: the run was started with ${key} ${old}, not ${wanted}; leave the option out or choose another --out`,
      )
    }
  }
  return now
}

/** Where to compute, what to measure and when to save: none of it changes what is learned. */
const FREE_TO_CHANGE: ReadonlySet<keyof Config> = new Set(['device', 'adapter', 'evaluation', 'checkpoint'])

/** Objects are merged, everything else is replaced. A warm-up in epochs replaces one in shares, and the other way. */
export function mergeSettings(below: Settings, above: Settings): Settings {
  const merged: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(above)) {
    const old = merged[key]
    merged[key] = isSettings(old) && isSettings(value) ? mergeSettings(old, value) : value
  }
  if ('warmup' in above && !('warmupFraction' in above)) delete merged.warmupFraction
  if ('warmupFraction' in above && !('warmup' in above)) delete merged.warmup
  return merged
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same value with keys in order, so that equal settings have equal JSON. */
function sorted(value: unknown): unknown {
  if (!isSettings(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, sorted(value[key])]),
  )
}
