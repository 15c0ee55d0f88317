/** A record as a table for a terminal. */
import { table } from '../src/cli/table.js'
import type { BenchmarkRecord, CaseResult, PeerResult } from './record.js'
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
  const { host, roofline, date, selfsame, compilation } = record
  const { copy_gb_s, fma_gflops } = roofline
  return [
    deviceLine(record),
    `${host.cpu}, ${host.threads} threads, ${host.memory_gib} GiB, ${host.os}, Node ${host.node}`,
    `selfsame ${selfsame}, ${date.slice(0, 10)}; measured roofline: copy ${copy_gb_s.toPrecision(3)} GB/s, ` +
      `multiply-add ${fma_gflops.toPrecision(3)} GFLOP/s`,
    ...(compilation ? [`${compilation.pipelines} kernels compiled in ${(compilation.ms / 1000).toFixed(1)} s`] : []),
  ]
}

/** A column: its heading, and what it says of a case; one that says nothing of any case is left out. */
interface Column {
  readonly head: string
  readonly cell: (one: CaseResult) => string | null
}

/** Every cell as text, the first row the head. */
export function cellsOf(record: BenchmarkRecord): string[][] {
  const all: Column[] = [
    { head: 'case', cell: nameOf },
    { head: 'ms', cell: one => one.median_ms.toPrecision(3) },
    { head: '±', cell: one => shareText(one.spread) },
    { head: 'GPU ms', cell: one => one.gpu_ms?.toPrecision(3) ?? null },
    { head: 'host', cell: one => shareText(one.host_ms === null ? null : one.host_ms / one.median_ms) },
    { head: 'rate', cell: rateText },
    { head: 'roofline', cell: one => shareText(one.roofline_share) },
    { head: 'of matmul', cell: one => shareText(one.matmul_share) },
    { head: 'objects', cell: one => (one.objects === null ? null : String(Number(one.objects.toFixed(2)))) },
    ...peersOf(record).map(name => ({ head: name, cell: (one: CaseResult) => ratioText(one.peers[name]) })),
  ]
  const columns = all.filter(({ cell }) => record.cases.some(one => cell(one) !== null))
  return [columns.map(({ head }) => head), ...record.cases.map(one => columns.map(({ cell }) => cell(one) ?? '–'))]
}

/** `matmul 512x512x512`, and the number format where it is another than float32. */
export function nameOf({ op, shape, dtype }: CaseResult): string {
  return dtype === 'float32' ? `${op} ${shape}` : `${op} ${shape} ${dtype}`
}

function ratioText(peer: PeerResult | undefined): string | null {
  if (!peer) return null
  return 'error' in peer ? 'cannot' : `${peer.ratio.toPrecision(3)}x`
}

/** The unit that says more: operations where there are more than ten a byte. */
function rateText({ gflops, gb_s, images_per_s }: CaseResult): string | null {
  if (images_per_s !== null) return `${images_per_s.toFixed(1)} images/s`
  if (gflops !== null && gflops > 10 * (gb_s ?? 0)) return `${gflops.toPrecision(3)} GFLOP/s`
  return gb_s === null ? null : `${gb_s.toPrecision(3)} GB/s`
}

function shareText(share: number | null): string | null {
  if (share === null) return null
  return share > 0 && share < 0.01 ? `${(100 * share).toFixed(1)} %` : `${(100 * share).toFixed(0)} %`
}

/** What we left out and why, and what peers said where they could not; those that said the same of the same case on one line. */
export function errorLines({ cases, peers, left_out }: BenchmarkRecord): string[] {
  const absent = Object.entries(peers).flatMap(([name, peer]) =>
    'error' in peer ? [`${name} is not here: ${peer.error}`] : [],
  )
  const said = new Map<string, string[]>()
  for (const one of cases) {
    for (const [name, peer] of Object.entries(one.peers)) {
      if (!('error' in peer)) continue
      const what = `${nameOf(one)}: ${peer.error}`
      said.set(what, [...(said.get(what) ?? []), name])
    }
  }
  const ours = left_out.map(({ case: name, reason }) => `${name} is left out: ${reason}`)
  return [...ours, ...absent, ...[...said].map(([what, names]) => `${names.join(', ')}, ${what}`)]
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
