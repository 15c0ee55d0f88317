/** Two records of the same cases: what got slower, what faster, beyond what the spreads explain. */
import { SelfsameError } from '../src/device/errors.js'
import type { BenchmarkRecord, CaseResult } from './record.js'

/** A case is a regression when it takes more than this share longer, beyond the spreads. */
export const TOLERANCE = 0.1

export interface Change {
  readonly name: string
  readonly beforeMs: number
  readonly afterMs: number
  /** 0.1: takes 10 % longer. */
  readonly change: number
  readonly verdict: 'slower' | 'faster' | 'same'
  readonly regression: boolean
}

export interface Comparison {
  readonly changes: readonly Change[]
  /** In the old record only. */
  readonly missing: readonly string[]
  /** Why the two may not be comparable; empty where they are. */
  readonly differences: readonly string[]
}

export class RegressionError extends SelfsameError {}

/** What a case is known by in two records. */
function keyOf({ op, shape, dtype, device }: CaseResult): string {
  return `${op} ${shape} ${dtype} ${device}`
}

export function compareRecords(before: BenchmarkRecord, after: BenchmarkRecord): Comparison {
  const old = new Map(before.cases.map(result => [keyOf(result), result]))
  const now = new Set(after.cases.map(keyOf))
  const changes = after.cases.flatMap(result => {
    const counterpart = old.get(keyOf(result))
    return counterpart ? [changeOf(counterpart, result)] : []
  })
  const differences = (['adapter', 'driver', 'device'] as const)
    .filter(field => before[field] !== after[field])
    .map(field => `${field} was ${before[field]} and is ${after[field]}`)
  if (before.host.cpu !== after.host.cpu) differences.push(`cpu was ${before.host.cpu} and is ${after.host.cpu}`)
  return { changes, missing: [...old.keys()].filter(name => !now.has(name)), differences }
}

function changeOf(before: CaseResult, after: CaseResult): Change {
  const change = after.median_ms / before.median_ms - 1
  const explained = (before.spread ?? 0) + (after.spread ?? 0)
  const verdict = Math.abs(change) <= explained ? 'same' : change > 0 ? 'slower' : 'faster'
  return {
    name: keyOf(after),
    beforeMs: before.median_ms,
    afterMs: after.median_ms,
    change,
    verdict,
    regression: verdict === 'slower' && change > TOLERANCE,
  }
}

/** One line a case that changed, and what else a reader must know. */
export function describeComparison({ changes, missing, differences }: Comparison, file: string): string {
  const changed = changes.filter(({ verdict }) => verdict !== 'same')
  const lines = changed.map(({ name, beforeMs, afterMs, change, verdict }) => {
    const share = `${Math.abs(100 * change).toFixed(0)} %`
    return `  ${verdict} ${share.padStart(6)}  ${name}: ${beforeMs.toPrecision(3)} → ${afterMs.toPrecision(3)} ms`
  })
  const same = changes.length - changed.length
  return [
    `against ${file}: ${changed.length} changed beyond the spread, ${same} did not`,
    ...lines,
    ...missing.map(name => `  not measured now: ${name}`),
    ...differences.map(difference => `  not the same machine: ${difference}`),
  ].join('\n')
}

/** @throws RegressionError when a case takes over 10 % longer */
export function wantNoRegression({ changes }: Comparison, file: string): void {
  const names = changes.filter(({ regression }) => regression).map(({ name }) => name)
  if (names.length === 0) return
  throw new RegressionError(`slower than in ${file} by more than ${100 * TOLERANCE} %: ${names.join('; ')}`)
}
