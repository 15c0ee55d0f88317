/** Several runs under one roof, each in a folder of its own: what is there already is not run again. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../device/errors.js'
import type { Log } from './log.js'
import { resolveConfig, resumeConfig, type Settings } from './recipes.js'
import type { Result } from './result.js'
import { runTraining } from './run.js'
import { RESULT_FILE, readRunConfig } from './runDirectory.js'

export interface StudyRun {
  /** Its folder within the study's. */
  readonly name: string
  readonly settings: Settings
  readonly recipe?: string
}

export interface StudyOptions {
  /** The study's folder. */
  readonly out: string
  readonly log: Log
  readonly signal?: AbortSignal
}

/**
 * Runs all that have no result yet, in order; one that was interrupted goes on from its checkpoint.
 *
 * @returns results in the order of `runs`
 * @throws ConfigError before anything is run, where a setting is wrong or a folder holds a run with other settings
 */
export async function runStudy(runs: readonly StudyRun[], options: StudyOptions): Promise<Result[]> {
  const { out, log, signal } = options
  const twice = runs.find(({ name }, i) => runs.findIndex(run => run.name === name) !== i)
  if (twice) throw new ConfigError(`study: ${twice.name} is there twice`)
  const planned = runs.map(({ name, settings, recipe }) => {
    const folder = join(out, name)
    const saved = readRunConfig(folder)
    const config = saved === undefined ? resolveConfig(settings, recipe) : resumeConfig(saved, settings, recipe)
    return { name, folder, config }
  })
  const results: Result[] = []
  for (const [i, { name, folder, config }] of planned.entries()) {
    const file = join(folder, RESULT_FILE)
    if (existsSync(file)) {
      log.info(`${i + 1} of ${planned.length}: ${name} is done already (${folder})`)
      results.push(JSON.parse(readFileSync(file, 'utf8')) as Result)
      continue
    }
    log.info(`${i + 1} of ${planned.length}: ${name}`)
    const run = { out: folder, resume: true, overwrite: false, bench: false, log, ...(signal && { signal }) }
    results.push(await runTraining(config, run))
  }
  return results
}

/** Mean and standard deviation (n − 1) over seeds; the deviation is absent for one value, both where nothing was measured. */
export function meanOf(values: readonly (number | null)[]): { mean: number | null; deviation?: number } {
  const known = values.filter(value => value !== null)
  if (known.length === 0 || known.length < values.length) return { mean: null }
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  if (known.length === 1) return { mean }
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (known.length - 1)) }
}
