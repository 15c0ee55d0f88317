/** What a run's log says epoch by epoch, as part of its result. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readEpochs } from './log.js'
import type { CurvePoint, Result } from './result.js'
import { LOG_FILE, RESULT_FILE } from './runDirectory.js'

/**
 * One point an epoch. Within a run k-NN is measured after every epoch but the last, where it is the result's own.
 * @param folder of a run; without a log there is no point
 */
export function curveOf(folder: string, knn: number | null): CurvePoint[] {
  const records = readEpochs(join(folder, LOG_FILE))
  return records.map(({ epoch, epochs, step, loss, deviation, rank, knn: measured }) => {
    return { epoch, step, loss, deviation, rank: rank ?? null, knn: measured ?? (epoch === epochs ? knn : null) }
  })
}

/** How long all steps take at the rate that was measured. */
export function trainingSeconds({
  steps,
  batch,
  images_per_s: rate,
}: Pick<Result, 'steps' | 'batch' | 'images_per_s'>): number | null {
  return rate === null ? null : (steps * batch) / rate
}

/**
 * The result of a run that is done; `undefined` where none is in the folder. A run of an earlier version has no curve in
 * it, which its log still tells.
 */
export function readResult(folder: string): Result | undefined {
  const file = join(folder, RESULT_FILE)
  if (!existsSync(file)) return undefined
  const result = JSON.parse(readFileSync(file, 'utf8')) as Result
  return {
    ...result,
    training_seconds: result.training_seconds ?? trainingSeconds(result),
    curve: result.curve ?? curveOf(folder, result.knn),
  }
}
