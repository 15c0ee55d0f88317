/** One case: our samples, those of the peers in turn with them, and what is counted beside. */
import type { Device } from '../src/device/device.js'
import type { Case } from './case.js'
import { countObjects } from './objects.js'
import { Pace } from './pace.js'
import { firstLine } from './peers/open.js'
import type { CaseResult, PeerResult } from './record.js'
import { leastTime, type Roofline } from './roofline.js'
import { interleaved, type SamplingOptions, SideError } from './sample.js'
import type { Runner, Side } from './side.js'
import { median, spread } from './statistics.js'

/** Runs of the counts beside the samples: enough for a mean, unless they would take longer than this, in ms. */
const RUNS = 16
const LONG_MS = 2000

/** @throws whatever our own side throws; a peer's error is part of the result */
export async function measureCase(
  one: Case,
  device: Device,
  [us, ...others]: readonly Runner[],
  roofline: Roofline,
  sampling: SamplingOptions,
): Promise<CaseResult> {
  const mine = await us!.prepare(one)
  try {
    const { samples, peers } = await sideBySide(one, mine, others, sampling)
    const ms = median(samples)
    const runs = RUNS * ms < LONG_MS ? RUNS : 2
    return {
      op: one.spec.op,
      shape: one.shape,
      dtype: one.spec.precision ?? 'float32',
      device: device.info.kind,
      median_ms: ms,
      spread: spread(samples),
      gpu_ms: device.info.features.has('timestamp-query') ? await deviceTime(device, mine, runs) : null,
      host_ms: await hostTime(mine, runs),
      gflops: one.flop === null ? null : one.flop / ms / 1e6,
      gb_s: one.bytes === null ? null : one.bytes / ms / 1e6,
      roofline_share: one.bytes === null ? null : leastTime({ ...one, bytes: one.bytes }, roofline) / ms,
      matmul_share: null,
      objects: device.info.kind === 'cpu' ? null : await objectsOf(mine, runs),
      images_per_s: one.images === null ? null : (1000 * one.images) / ms,
      peers,
    }
  } finally {
    mine.dispose()
  }
}

/** Our samples, and what became of each peer. One that fails, at whatever point, is left out from then on. */
async function sideBySide(one: Case, mine: Side, runners: readonly Runner[], sampling: SamplingOptions) {
  const errors: Record<string, PeerResult> = {}
  const able: { name: string; side: Side }[] = []
  for (const runner of runners) {
    if (runner.takes?.(one) === false) continue
    try {
      able.push({ name: runner.name, side: await runner.prepare(one) })
    } catch (error) {
      errors[runner.name] = { error: firstLine(error) }
    }
  }
  const leave = (at: number) => {
    const { name, side } = able.splice(at, 1)[0]!
    try {
      side.dispose()
    } catch (error) {
      errors[name] = { error: firstLine(error) }
    }
  }
  try {
    while (true) {
      try {
        const [samples, ...theirs] = await interleaved([mine, ...able.map(({ side }) => side)], sampling)
        const results = able.map(({ name }, i) => [name, peerResult(theirs[i]!, median(samples!))] as const)
        return { samples: samples!, peers: { ...Object.fromEntries(results), ...errors } }
      } catch (error) {
        if (!(error instanceof SideError)) throw error
        if (error.side === 0) throw error.cause
        errors[able[error.side - 1]!.name] = { error: firstLine(error) }
        leave(error.side - 1)
      }
    }
  } finally {
    while (able.length > 0) leave(0)
  }
}

function peerResult(samples: readonly number[], ourMs: number): PeerResult {
  const ms = median(samples)
  return { median_ms: ms, spread: spread(samples), ratio: ms / ourMs }
}

/** Milliseconds of a run by the device's own clock: of its launches, without the gaps between them. */
async function deviceTime(device: Device, side: Side, runs: number): Promise<number> {
  const batches: number[] = []
  for (let i = 0; i < 3; i++) {
    const times = await device.trace(async () => void (await side.batch(runs, new Pace())))
    const busy = times.reduce((sum, { begin, end }) => sum + end - begin, 0)
    batches.push(busy / 1e6 / runs)
  }
  return median(batches)
}

/** Milliseconds of a run in which the host worked. */
async function hostTime(side: Side, runs: number): Promise<number | null> {
  if (!side.hostMs) return null
  const batches: number[] = []
  for (let i = 0; i < 3; i++) {
    await side.batch(runs, new Pace())
    batches.push(side.hostMs() / runs)
  }
  return median(batches)
}

/** GPU objects a run: the encoder and its like are made once a batch. */
async function objectsOf(side: Side, runs: number): Promise<number | null> {
  const made = await countObjects(() => side.batch(runs, new Pace()))
  return made === null ? null : made / runs
}

/** Losses over similarities beside the product with the same inner length, the rows' width, both by what they count. */
export function withMatmulShares(cases: readonly [Case, CaseResult][]): CaseResult[] {
  return cases.map(([{ spec }, result]) => {
    if ((spec.op !== 'ntXent' && spec.op !== 'infoNCE') || result.gflops === null) return result
    const [, product] = cases.find(([{ spec: other }]) => other.op === 'matmul' && other.k === spec.columns) ?? []
    const rate = product?.gflops
    return rate === undefined || rate === null ? result : { ...result, matmul_share: result.gflops / rate }
  })
}
