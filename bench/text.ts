/** A record as a table for a terminal. */
import { table } from '../src/cli/table.js'
import type { BenchmarkRecord, CaseResult } from './record.js'
import { geometricMean } from './statistics.js'

/** Names of the peers that ran at least once. */
export function peersOf({ cases }: BenchmarkRecord): string[] {
  return [...new Set(cases.flatMap(({ peers }) => Object.keys(peers).filter(name => !('error' in peers[name]!))))]
}

/** `SOFTWARE ADAPTER (no GPU): llvmpipe …`: nobody shall take a processor for a GPU. */
export function deviceLine(record: Pick<BenchmarkRecord, 'device' | 'adapter' | 'software' | 'driver'>): string {
  const { device, adapter, software, driver } = record
  return `${device === 'cpu' ? 'CPU device' : software ? 'SOFTWARE ADAPTER (no GPU)' : 'GPU'}: ${adapter}, ${driver}`
}

/** The device, the host, the roofline. */
export function headingLines(record: BenchmarkRecord): string[] {
  const { host, roofline, date, selfsame } = record
  const { copy_gb_s, fma_gflops } = roofline
  return [
    deviceLine(record),
    `${host.cpu}, ${host.threads} threads, ${host.memory_gib} GiB, ${host.os}, Node ${host.node}`,
    `selfsame ${selfsame}, ${date.slice(0, 10)}; measured roofline: copy ${copy_gb_s.toPrecision(3)} GB/s, ` +
      `multiply-add ${fma_gflops.toPrecision(3)} GFLOP/s`,
  ]
}

/** Every cell as text, the first row the head. */
export function cellsOf(record: BenchmarkRecord): string[][] {
  const peers = peersOf(record)
  return [['case', 'ms', '±', 'rate', 'roofline', 'objects', ...peers], ...record.cases.map(one => cells(one, peers))]
}

function cells(one: CaseResult, peers: readonly string[]): string[] {
  return [
    `${one.op} ${one.shape}`,
    one.median_ms.toPrecision(3),
    shareText(one.spread),
    rateText(one),
    shareText(one.roofline_share),
    one.objects === null ? '–' : String(Number(one.objects.toFixed(2))),
    ...peers.map(name => {
      const peer = one.peers[name]
      if (!peer) return '–'
      return 'error' in peer ? 'cannot' : `${peer.ratio.toPrecision(3)}x`
    }),
  ]
}

/** The unit that says more: operations where there are more than ten a byte. */
export function rateText({ gflops, gb_s, images_per_s }: CaseResult): string {
  if (images_per_s !== null) return `${images_per_s.toFixed(1)} images/s`
  if (gflops !== null && gflops > 10 * (gb_s ?? 0)) return `${gflops.toPrecision(3)} GFLOP/s`
  return gb_s === null ? '–' : `${gb_s.toPrecision(3)} GB/s`
}

function shareText(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(0)} %`
}

/** What peers said where they could not; those that said the same of the same case on one line. */
export function errorLines({ cases, peers }: BenchmarkRecord): string[] {
  const absent = Object.entries(peers).flatMap(([name, peer]) =>
    'error' in peer ? [`${name} is not here: ${peer.error}`] : [],
  )
  const said = new Map<string, string[]>()
  for (const { op, shape, peers: results } of cases) {
    for (const [name, peer] of Object.entries(results)) {
      if (!('error' in peer)) continue
      const what = `${op} ${shape}: ${peer.error}`
      said.set(what, [...(said.get(what) ?? []), name])
    }
  }
  return [...absent, ...[...said].map(([what, names]) => `${names.join(', ')}, ${what}`)]
}

/** The geometric mean of each peer's ratios. */
export function meanRatios(record: BenchmarkRecord): [peer: string, ratio: number][] {
  return peersOf(record).map(name => {
    const ratios = record.cases.flatMap(({ peers }) => {
      const peer = peers[name]
      return peer && 'ratio' in peer ? [peer.ratio] : []
    })
    return [name, geometricMean(ratios)]
  })
}

export function describeRecord(record: BenchmarkRecord): string {
  const means = meanRatios(record).map(([name, ratio]) => `${name} ${ratio.toPrecision(3)}x`)
  return [
    ...headingLines(record),
    '',
    table(cellsOf(record)),
    '',
    ...(means.length > 0 ? [`above 1x we are the faster; geometric means: ${means.join(', ')}`] : []),
    ...errorLines(record),
  ].join('\n')
}
