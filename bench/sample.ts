/** Times several sides of one case, in turn, in one process. */
import Benchmark from 'benchmark'
import { Pace } from './pace.js'
import type { Side } from './side.js'

export interface SamplingOptions {
  /** A sample lasts at least this, in ms, by running the case several times. */
  readonly sampleMs: number
  /** Samples of each side. */
  readonly rounds: number
  /** A case that takes longer than this over all rounds, in ms, gets fewer rounds, but never fewer than three. */
  readonly budgetMs: number
}

export const SAMPLING: SamplingOptions = { sampleMs: 40, rounds: 9, budgetMs: 15_000 }

/** To see that everything runs: the numbers say little. */
export const GLANCE: SamplingOptions = { sampleMs: 1, rounds: 3, budgetMs: 1000 }

/** A side failed: `side` is its place among those that were given. */
export class SideError extends Error {
  constructor(
    readonly side: number,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

interface Contender {
  readonly side: Side
  readonly count: number
  readonly pace: Pace
  readonly expectedMs: number
}

/**
 * Milliseconds of one run, `samples[side][round]`: a sample of each side, then again in the other direction, and so
 * on, so that whatever else goes on in the machine meets everybody alike. The first runs, which compile, do not count.
 *
 * @throws SideError when a side cannot
 */
export async function interleaved(sides: readonly Side[], options: SamplingOptions = SAMPLING): Promise<number[][]> {
  const contenders: Contender[] = []
  for (const [at, side] of sides.entries()) contenders.push(await blaming(at, warmUp(side, options)))
  const round = contenders.reduce((sum, { expectedMs }) => sum + expectedMs, 0)
  const rounds = Math.max(Math.min(options.rounds, Math.floor(options.budgetMs / round)), Math.min(3, options.rounds))
  const samples: number[][] = sides.map(() => [])
  for (let i = 0; i < rounds; i++) {
    const order = contenders.map((_, at) => (i % 2 === 0 ? at : contenders.length - 1 - at))
    for (const at of order) {
      const { side, count, pace } = contenders[at]!
      const took = await blaming(
        at,
        clock(() => side.batch(count, pace)),
      )
      samples[at]!.push(took / count)
    }
  }
  return samples
}

async function blaming<Result>(side: number, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw new SideError(side, error)
  }
}

/** Compiles, finds how many runs make a sample, and learns how long one takes. */
async function warmUp(side: Side, { sampleMs }: SamplingOptions): Promise<Contender> {
  await side.batch(1, new Pace())
  let count = 1
  let took = await clock(() => side.batch(count, new Pace()))
  while (took < sampleMs && count < MOST_RUNS) {
    // A short batch is mostly waiting: it says too much time for a run.
    count = Math.min(Math.ceil(count * Math.min((1.2 * sampleMs) / took, 8)), MOST_RUNS)
    took = await clock(() => side.batch(count, new Pace()))
  }
  const pace = new Pace()
  for (let i = 0; i < (took < 500 ? 5 : 2); i++) {
    const overslept = await side.batch(count, pace)
    if (i > 0 && !overslept) break
  }
  return { side, count, pace, expectedMs: took }
}

const MOST_RUNS = 2048

/** Milliseconds that `body` takes, by Benchmark.js: one cycle of one deferred run. */
export function clock(body: () => Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    let failure: unknown
    const benchmark = new Benchmark({
      defer: true,
      minSamples: 1,
      initCount: 1,
      // `body` is long enough as it is: never a second cycle.
      minTime: 1e-9,
      maxTime: 0,
      delay: 0,
      fn: (deferred: { resolve(): void }) => {
        Promise.resolve()
          .then(body)
          .catch(error => {
            failure = error
          })
          .finally(() => deferred.resolve())
      },
    })
    // Benchmark.js keeps what is thrown to itself and its listeners.
    benchmark.on('error', () => {
      failure ??= benchmark.error
    })
    benchmark.on('complete', () => {
      if (failure !== undefined) reject(failure)
      else resolve(1000 * benchmark.stats.sample[0]!)
    })
    benchmark.run({ async: true })
  })
}
