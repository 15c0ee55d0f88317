/** Several runs under one roof, each in a folder of its own: what is there already is not run again. */
import { join } from 'node:path'
import { readSpecification } from '../data/loadData.js'
import { ConfigError, DataError, SelfsameError } from '../device/errors.js'
import { readResult } from './curve.js'
import type { Log } from './log.js'
import { resolveConfig, resumeConfig, type Settings } from './recipes.js'
import { InterruptedError, type Result } from './result.js'
import { runTraining } from './run.js'
import { readRunConfig } from './runDirectory.js'

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

/** What became of a run: its result, or why there is none. */
export interface Outcome {
  readonly name: string
  readonly result?: Result
  readonly error?: string
}

/** Some runs of a study came to nothing. */
export class StudyError extends SelfsameError {}

/**
 * Runs all that have no result yet, in order; one that was interrupted goes on from its checkpoint. A run that fails
 * leaves the others alone: see `wantAll`.
 *
 * @returns outcomes in the order of `runs`
 * @throws ConfigError before anything is run, where a setting is wrong, there is no such data set, or a
 *   folder holds a run with other settings; DataError for images that cannot be read, which are the same for all;
 *   InterruptedError when the signal was given
 */
export async function runStudy(runs: readonly StudyRun[], options: StudyOptions): Promise<Outcome[]> {
  const { out, log, signal } = options
  const twice = runs.find(({ name }, i) => runs.findIndex(run => run.name === name) !== i)
  if (twice) throw new ConfigError(`study: ${twice.name} is there twice`)
  const planned = runs.map(({ name, settings, recipe }) => {
    const folder = join(out, name)
    const saved = readRunConfig(folder)
    const config = saved === undefined ? resolveConfig(settings, recipe) : resumeConfig(saved, settings, recipe)
    const done = readResult(folder)
    if (!done) readSpecification(config.data)
    return { name, folder, config, done }
  })
  const outcomes: Outcome[] = []
  for (const [i, { name, folder, config, done }] of planned.entries()) {
    log.info(`${i + 1} of ${planned.length}: ${name}${done ? ` is done already (${folder})` : ''}`)
    if (done) {
      outcomes.push({ name, result: done })
      continue
    }
    const run = { out: folder, resume: true, overwrite: false, bench: false, log, ...(signal && { signal }) }
    try {
      outcomes.push({ name, result: await runTraining(config, run) })
    } catch (error) {
      if (error instanceof InterruptedError) throw new InterruptedError(error.step, folder, 'the same command')
      if (error instanceof DataError) throw error
      const { message } = error as Error
      log.warn(`${name} failed: ${message}`)
      outcomes.push({ name, error: message })
    }
  }
  return outcomes
}

/** @throws StudyError where a run failed; the same command runs it again. */
export function wantAll(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ error }) => error !== undefined)
  if (failed.length === 0) return
  const names = failed.map(({ name }) => name).join(', ')
  throw new StudyError(
    `${failed.length} of ${outcomes.length} runs failed: ${names}; the same command runs them again and keeps the others`,
  )
}
