import type { StepMetrics } from './step.js'

/** What the metrics of a run add up to so far: goes into checkpoints, so that a resumed run reports the same. */
export interface HistoryState {
  readonly first: number | null
  readonly last: number | null
  /** Of the epoch that is under way, by name. */
  readonly sums: Readonly<Record<string, number>>
  readonly count: number
}

/** Means over epochs, from metrics that come in bunches. */
export class History {
  /** Mean loss of the first and of the latest whole epoch. */
  private first: number | null
  private last: number | null
  private sums: Record<string, number>
  private count: number

  constructor({ first, last, sums, count }: HistoryState = { first: null, last: null, sums: {}, count: 0 }) {
    this.first = first
    this.last = last
    this.sums = { ...sums }
    this.count = count
  }

  add(metrics: readonly StepMetrics[]): void {
    for (const { step: _, ...values } of metrics) {
      for (const [name, value] of Object.entries(values)) this.sums[name] = (this.sums[name] ?? 0) + value
      this.count++
    }
  }

  /** Closes an epoch (or the last part of one) and returns its means by name: `loss`, `deviation` and the method's own. */
  endEpoch(): { readonly loss: number; readonly deviation: number; readonly [name: string]: number } {
    const means = Object.entries(this.sums).map(([name, sum]) => [name, sum / this.count])
    const { loss = Number.NaN, deviation = Number.NaN, ...others } = Object.fromEntries(means)
    this.first ??= loss
    this.last = loss
    this.sums = {}
    this.count = 0
    return { loss, deviation, ...others }
  }

  get losses(): { first: number; last: number } {
    return { first: this.first ?? Number.NaN, last: this.last ?? Number.NaN }
  }

  toJSON(): HistoryState {
    const { first, last, sums, count } = this
    return { first, last, sums: { ...sums }, count }
  }
}
