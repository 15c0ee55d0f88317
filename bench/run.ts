/** The benchmark: opens the device and the peers, measures the suites, makes the record. */
import { cpus, release, totalmem, type } from 'node:os'
import type { Device } from '../src/device/device.js'
import { ConfigError, DeviceError } from '../src/device/errors.js'
import { DAWN_TOGGLES } from '../src/device/node.js'
import { type OpenOptions, open } from '../src/open.js'
import { createLog, type Log } from '../src/train/log.js'
import { type Case, caseName, caseOf } from './case.js'
import { measureCase, withMatmulShares } from './measure.js'
import { ours } from './ours.js'
import { type OpenPeers, openPeers } from './peers/open.js'
import type { BenchmarkRecord, CaseResult } from './record.js'
import { measureRoofline } from './roofline.js'
import { GLANCE, SAMPLING, type SamplingOptions } from './sample.js'
import { type Suite, specsOf } from './suites.js'
import { deviceLine } from './text.js'

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

/**
 * @throws ConfigError when the filter matches nothing, or where a hardware adapter was required and there is none
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkRecord> {
  const { suite, filter, log = createLog(), version, adapter } = options
  const { sampling = suite === 'gpu-tiny' ? GLANCE : SAMPLING } = options
  const all = options.cases ?? specsOf(suite).map(caseOf)
  const cases = all.filter(one => filter === undefined || filter.test(caseName(one)))
  if (cases.length === 0) {
    throw new ConfigError(`--filter: ${filter} matches no case; there are ${all.map(caseName).join(', ')}`)
  }
  const device = await open({ device: options.device, ...(adapter && { adapter }) })
  try {
    wantHardware(device, options)
    log.info(deviceLine({ ...device.info, device: device.info.kind, adapter: device.info.name }))
    const roofline = await measureRoofline(device, sampling)
    const hardware = device.info.kind === 'webgpu' && !device.info.software
    const others = await openPeers(options.peers, {
      hardware,
      halves: cases.some(({ spec }) => spec.precision !== undefined),
    })
    for (const [name, reason] of Object.entries(others.absent)) log.warn(`peer ${name} is not here: ${reason}`)
    const results: [Case, CaseResult][] = []
    const leftOut: BenchmarkRecord['left_out'] = []
    try {
      const runners = [ours(device, version), ...others.runners]
      for (const one of cases) {
        try {
          const result = await measureCase(one, device, runners, roofline, sampling)
          log.info(lineOf(result))
          results.push([one, result])
        } catch (error) {
          // Half precision is not on every device, and not every GPU has room for what fills the largest.
          const forgiven = one.spec.precision !== undefined || suite.startsWith('gpu')
          if (!(forgiven && (error instanceof DeviceError || error instanceof ConfigError))) throw error
          log.warn(`${caseName(one)} is left out: ${error.message}`)
          leftOut.push({ case: caseName(one), reason: error.message })
        }
      }
    } finally {
      await others.close()
    }
    return {
      ...environmentOf(device, version),
      plans: Object.fromEntries(device.plans),
      compilation: device.info.kind === 'webgpu' ? device.compilation() : null,
      roofline,
      peers: versionsOf(others),
      cases: withMatmulShares(results),
      left_out: leftOut,
    }
  } finally {
    await device.close()
  }
}

function wantHardware({ info }: Device, { requireHardware }: BenchmarkOptions): void {
  if (!requireHardware || (info.kind === 'webgpu' && !info.software)) return
  const what = info.kind === 'cpu' ? 'the CPU device' : `the software adapter ${info.name}`
  throw new ConfigError(`--require-hardware: wanted a hardware adapter, found only ${what}`)
}

function versionsOf({ runners, absent }: OpenPeers): BenchmarkRecord['peers'] {
  return {
    ...Object.fromEntries(runners.map(({ name, version }) => [name, { version }])),
    ...Object.fromEntries(Object.entries(absent).map(([name, error]) => [name, { error }])),
  }
}

function lineOf({ op, shape, dtype, median_ms, peers }: CaseResult): string {
  const ratios = Object.entries(peers).map(([name, peer]) =>
    'error' in peer ? `${name} cannot` : `${name} ${peer.ratio.toPrecision(3)}x`,
  )
  return [`${op} ${shape} ${dtype}: ${median_ms.toPrecision(3)} ms`, ...ratios].join(', ')
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
