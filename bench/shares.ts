/** The table of `docs/kernels.md`: how much work each case is, what limits it, and how near it comes to that. */
import type { BenchmarkRecord, CaseResult } from './record.js'
import { nameOf } from './text.js'

const BEGIN = '<!-- shares: written by scripts/shares.mjs -->\n'
const END = '<!-- end of shares -->\n'

/** The page with its table made anew from a record. @throws Error where the page has no place for it */
export function withShares(page: string, record: BenchmarkRecord): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`the page wants the lines ${BEGIN.trim()} and ${END.trim()}`)
  return `${page.slice(0, begin + BEGIN.length)}\n${sharesOf(record)}\n${page.slice(end)}`
}

function sharesOf({ cases, roofline, driver, software, host, date }: BenchmarkRecord): string {
  const { copy_gb_s, fma_gflops } = roofline
  const ridge = fma_gflops / copy_gb_s
  const kind = software ? 'a software adapter' : 'a GPU'
  return [
    `${date.slice(0, 10)}, ${kind}: ${driver}, on ${host.threads} threads of ${host.cpu}.`,
    `Copy ${copy_gb_s.toPrecision(3)} GB/s, multiply-add ${fma_gflops.toPrecision(3)} GFLOP/s: from ` +
      `${ridge.toFixed(0)} operations a byte on arithmetic is the limit.`,
    '',
    '| case | operations | bytes | a byte | limit | share |',
    '|---|---:|---:|---:|---|---:|',
    ...cases.flatMap(one => row(one, ridge)),
    '',
  ].join('\n')
}

function row(one: CaseResult, ridge: number): string[] {
  const { gflops, gb_s, median_ms, roofline_share } = one
  if (gb_s === null || roofline_share === null) return []
  const bytes = gb_s * median_ms * 1e6
  const flop = gflops === null ? null : gflops * median_ms * 1e6
  const cells = [
    nameOf(one),
    flop === null ? '–' : amount(flop),
    amount(bytes),
    flop === null ? '–' : String(Number((flop / bytes).toPrecision(2))),
    flop !== null && flop / bytes > ridge ? 'arithmetic' : 'memory',
    `${(100 * roofline_share).toFixed(0)} %`,
  ]
  return [`| ${cells.join(' | ')} |`]
}

function amount(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toPrecision(3)} M` : `${(count / 1e9).toPrecision(3)} G`
}
