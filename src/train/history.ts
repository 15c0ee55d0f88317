import type { StepMetrics } from './step.js'

/** What the metrics of a run add up to so far: goes into checkpoints, so that a resumed run reports the same. */
export interface HistoryState {
  readonly first: number | null
  readonly last: number | null
  readonly loss: number
  readonly deviation: number
  readonly count: number
}

/** Means over epochs, from metrics that come in bunches. */
export class History {
  /** Mean loss of the first and of the latest whole epoch. */
  private first: number | null
  private last: number | null
  private loss: number
  private deviation: number
  private count: number

  constructor(state: HistoryState = { first: null, last: null, loss: 0, deviation: 0, count: 0 }) {
    this.first = state.first
    this.last = state.last
    this.loss = state.loss
    this.deviation = state.deviation
    this.count = state.count
  }

  add(metrics: readonly StepMetrics[]): void {
    for (const { loss, deviation } of metrics) {
      this.loss += loss
      this.deviation += deviation
      this.count++
    }
  }

  /** Closes an epoch (or the last part of one) and returns its means. */
  endEpoch(): { loss: number; deviation: number } {
    const means = { loss: this.loss / this.count, deviation: this.deviation / this.count }
    this.first ??= means.loss
    this.last = means.loss
    this.loss = 0
    this.deviation = 0
    this.count = 0
    return means
  }

  get losses(): { first: number; last: number } {
    return { first: this.first ?? Number.NaN, last: this.last ?? Number.NaN }
  }

  toJSON(): HistoryState {
    const { first, last, loss, deviation, count } = this
    return { first, last, loss, deviation, count }
  }
}
