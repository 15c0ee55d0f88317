/**
 * What a run says while it works: lines and a progress bar on stderr, and one JSON object a line in `log.jsonl`.
 * Nothing here writes to stdout, which belongs to results.
 */
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { formatRate, type LineStream, Progress, type ProgressState } from './progress.js'

/** What is known at the end of an epoch. */
export interface EpochRecord {
  /** Epochs done, from 1, and how many there will be. */
  readonly epoch: number
  readonly epochs: number
  /** Steps done. */
  readonly step: number
  /** Mean over the epoch. */
  readonly loss: number
  /** The loss of a method that knows nothing, log(2B − 1) for SimCLR. */
  readonly chance: number
  readonly learningRate: number
  /** Mean over dimensions of the standard deviation of ẑ, and its number of dimensions d: 1/√d is a full sphere. */
  readonly deviation: number
  readonly dimension: number
  /** RankMe of ẑ of the latest step. */
  readonly rank?: number
  /** Means of the method's own metrics, and of a probe's, by name. */
  readonly metrics?: Readonly<Record<string, number>>
  /** Absent until a step was timed. */
  readonly imagesPerSecond?: number
  /** Where it was measured. */
  readonly knn?: number
}

export interface Log {
  info(message: string): void
  warn(message: string): void
  /** As often as you like: it redraws ten times a second on a terminal and says a line every 15 s elsewhere. */
  progress(state: ProgressState): void
  epoch(record: EpochRecord): void
  /** Only into the file. */
  record(kind: string, fields: Readonly<Record<string, unknown>>): void
  /**
   * From here on, and with what was said before, everything goes into this file too. An existing file is continued
   * without the records of steps after `step`, which a resumed run makes again.
   */
  toFile(path: string, step: number): void
  close(): void
}

/** @param stream stderr, unless a test says otherwise */
export function createLog(stream: LineStream = process.stderr): Log {
  const progress = new Progress(stream)
  let file: number | undefined
  // Said before there was a file.
  let early: string[] = []

  const record: Log['record'] = (kind, fields) => {
    const line = `${JSON.stringify({ time: new Date().toISOString(), kind, ...fields })}\n`
    if (file === undefined) early.push(line)
    else writeSync(file, line)
  }
  return {
    info(message) {
      progress.print(message)
      record('info', { message })
    },
    warn(message) {
      progress.print(`warning: ${message}`)
      record('warning', { message })
    },
    progress: state => progress.update(state),
    epoch(fields) {
      progress.print(describeEpoch(fields))
      record('epoch', { ...fields })
    },
    record,
    toFile(path, step) {
      // A run that lost its device begins its file again.
      if (file !== undefined) closeSync(file)
      if (existsSync(path)) keepUntil(path, step)
      file = openSync(path, 'a')
      for (const line of early) writeSync(file, line)
      early = []
    },
    close() {
      progress.close()
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}

/** Drops the records of later steps, and a last line that a crash cut short. */
function keepUntil(path: string, step: number): void {
  const kept = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => {
      try {
        const at = (JSON.parse(line) as { step?: number }).step
        return at === undefined || at <= step
      } catch {
        return false
      }
    })
  writeFileSync(`${path}.tmp`, kept.map(line => `${line}\n`).join(''))
  renameSync(`${path}.tmp`, path)
}

/** The records of a run's epochs, from its `log.jsonl`; none where there is no such file. */
export function readEpochs(path: string): EpochRecord[] {
  if (!existsSync(path)) return []
  const records = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return records
    .map(line => JSON.parse(line) as EpochRecord & { readonly kind: string })
    .filter(({ kind }) => kind === 'epoch')
}

/** `epoch  3/10  loss 4.8123 (chance 6.2364)  k-NN 0.8820  std 0.0801 (1/√d 0.0884)  rank 61.2  1234 images/s`. */
export function describeEpoch(record: EpochRecord): string {
  const { epoch, epochs, loss, chance, knn, deviation, dimension, rank, metrics = {}, imagesPerSecond } = record
  return [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `loss ${loss.toFixed(4)} (chance ${chance.toFixed(4)})`,
    ...(knn === undefined ? [] : [`k-NN ${knn.toFixed(4)}`]),
    ...Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`),
    `std ${deviation.toFixed(4)} (1/√d ${(1 / Math.sqrt(dimension)).toFixed(4)})`,
    ...(rank === undefined ? [] : [`rank ${rank.toFixed(1)}`]),
    ...(imagesPerSecond === undefined ? [] : [`${formatRate(imagesPerSecond)} images/s`]),
  ].join('  ')
}
