/** Adds up stretches of time; stopped while something else than training goes on. */
export class Stopwatch {
  private total = 0
  private since: number | undefined

  start(): void {
    this.since ??= performance.now()
  }

  stop(): void {
    if (this.since !== undefined) this.total += performance.now() - this.since
    this.since = undefined
  }

  get seconds(): number {
    return (this.total + (this.since === undefined ? 0 : performance.now() - this.since)) / 1000
  }
}
