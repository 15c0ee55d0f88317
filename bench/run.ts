/** The benchmark: opens the device and the peers, measures the suites, makes the record. */
import { cpus, release, totalmem, type } from 'node:os'
import type { Device } from '../src/device/device.js'
import { ConfigError } from '../src/device/errors.js'
import { DAWN_TOGGLES } from '../src/device/node.js'
import { type OpenOptions, open } from '../src/open.js'
import { createLog, type Log } from '../src/train/log.js'
import { type Case, caseOf, SUITE } from './case.js'
import { countObjects } from './objects.js'
import { ours } from './ours.js'
import { Pace } from './pace.js'
import { firstLine, type OpenPeers, openPeers } from './peers/open.js'
import type { BenchmarkRecord, CaseResult, PeerResult } from './record.js'
import { leastTime, measureRoofline, type Roofline } from './roofline.js'
import { interleaved, SAMPLING, type SamplingOptions, SideError } from './sample.js'
import type { Runner, Side } from './side.js'
import { median, spread } from './statistics.js'
import { deviceLine } from './text.js'
import { trainCase } from './train.js'

export type Suite = 'ops' | 'train' | 'all'

export interface BenchmarkOptions {
  readonly suite: Suite
  /** Cases whose `op shape` matches. */
  readonly filter?: RegExp
  readonly device: NonNullable<OpenOptions['device']>
  readonly adapter?: NonNullable<OpenOptions['adapter']>
  /** Names of peers; one that is not there is noted in the record. */
  readonly peers: readonly string[]
  readonly requireHardware: boolean
  readonly version: string
  /** What is measured, by default the suite; tests take smaller cases. */
  readonly cases?: readonly Case[]
  readonly sampling?: SamplingOptions
  readonly log?: Log
}

/** The case of the suite `train`, for `filter`. */
const TRAINING = 'simclr resnet8 mnist batch 256'

/**
 * @throws ConfigError when the filter matches nothing, or where a hardware adapter was required and there is none
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkRecord> {
  const { suite, filter, sampling = SAMPLING, log = createLog(), version } = options
  const matches = (name: string) => filter === undefined || filter.test(name)
  const cases = suite === 'train' ? [] : (options.cases ?? SUITE.map(caseOf)).filter(one => matches(caseName(one)))
  const training = suite !== 'ops' && matches(TRAINING)
  if (cases.length === 0 && !training) {
    const names = (options.cases ?? SUITE.map(caseOf)).map(caseName)
    throw new ConfigError(`--filter: ${filter} matches no case; there are ${[...names, TRAINING].join(', ')}`)
  }
  const { adapter } = options
  const device = await open({ device: options.device, ...(adapter && { adapter }) })
  const results: CaseResult[] = []
  let roofline: Roofline
  let peers: BenchmarkRecord['peers'] = {}
  try {
    wantHardware(device, options)
    log.info(deviceLine({ ...device.info, device: device.info.kind, adapter: device.info.name }))
    roofline = await measureRoofline(device, sampling)
    if (cases.length > 0) {
      const others = await openPeers(options.peers, device.info.kind === 'cpu' || device.info.software)
      peers = versionsOf(others)
      for (const [name, reason] of Object.entries(others.absent)) log.warn(`peer ${name} is not here: ${reason}`)
      try {
        const runners = [ours(device, version), ...others.runners]
        for (const one of cases) {
          const result = await measure(one, device, runners, roofline, sampling)
          log.info(lineOf(result))
          results.push(result)
        }
      } finally {
        await others.close()
      }
    }
  } finally {
    await device.close()
  }
  if (training) results.push(await trainCase({ ...options, log }))
  return { ...environmentOf(device, version), roofline, peers, cases: results }
}

function wantHardware({ info }: Device, { requireHardware }: BenchmarkOptions): void {
  if (!requireHardware || (info.kind === 'webgpu' && !info.software)) return
  const what = info.kind === 'cpu' ? 'the CPU device' : `the software adapter ${info.name}`
  throw new ConfigError(`--require-hardware: wanted a hardware adapter, found only ${what}`)
}

function caseName({ spec, shape }: Case): string {
  return `${spec.op} ${shape}`
}

function versionsOf({ runners, absent }: OpenPeers): BenchmarkRecord['peers'] {
  return {
    ...Object.fromEntries(runners.map(({ name, version }) => [name, { version }])),
    ...Object.fromEntries(Object.entries(absent).map(([name, error]) => [name, { error }])),
  }
}

async function measure(
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
    return {
      op: one.spec.op,
      shape: one.shape,
      dtype: 'float32',
      device: device.info.kind,
      median_ms: ms,
      spread: spread(samples),
      gflops: one.flop === null ? null : one.flop / ms / 1e6,
      gb_s: one.bytes / ms / 1e6,
      roofline_share: leastTime(one, roofline) / ms,
      objects: device.info.kind === 'cpu' ? null : await objectsOf(mine),
      images_per_s: null,
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

/** GPU objects a run, in a batch of sixteen: the encoder and its like are made once a batch. */
async function objectsOf(side: Side): Promise<number | null> {
  const runs = 16
  const made = await countObjects(() => side.batch(runs, new Pace()))
  return made === null ? null : made / runs
}

function lineOf({ op, shape, median_ms, peers }: CaseResult): string {
  const ratios = Object.entries(peers).map(([name, peer]) =>
    'error' in peer ? `${name} cannot` : `${name} ${peer.ratio.toPrecision(3)}x`,
  )
  return [`${op} ${shape}: ${median_ms.toPrecision(3)} ms`, ...ratios].join(', ')
}

function environmentOf({ info }: Device, version: string) {
  const processors = cpus()
  return {
    selfsame: version,
    date: new Date().toISOString(),
    host: {
      cpu: processors[0]?.model.trim() ?? 'unknown',
      threads: processors.length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      os: `${type()} ${release()}`,
      node: process.versions.node,
    },
    device: info.kind,
    adapter: info.name,
    software: info.software,
    driver: info.driver,
    toggles: info.kind === 'webgpu' ? [...DAWN_TOGGLES] : [],
    limits: { ...info.limits },
  }
}
