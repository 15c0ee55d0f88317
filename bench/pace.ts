/**
 * Waiting for a queue without disturbing it. A pending promise of Dawn's keeps the event loop spinning and takes one of
 * a software adapter's cores, so everybody who is measured here, we and every peer, first sleeps for most of the
 * predicted time and only then asks. One pace belongs to batches of one length.
 */
export class Pace {
  private predicted: number | undefined

  /** @param begun when the batch was started, by `performance.now()` */
  async sleep(begun: number): Promise<void> {
    if (this.predicted === undefined) return
    const left = begun + 0.9 * this.predicted - performance.now()
    if (left > 1) await new Promise(resolve => setTimeout(resolve, left))
  }

  /**
   * Learns from a batch whose end was asked for at `asked` and came just now.
   * @returns whether the sleep may have been too long: then the answer came at once
   */
  learn(begun: number, asked: number): boolean {
    const now = performance.now()
    const took = now - begun
    const { predicted } = this
    const overslept = predicted !== undefined && asked - begun > 1 && now - asked < 0.5 + 0.02 * took
    if (predicted === undefined) this.predicted = took
    else if (overslept) this.predicted = 0.8 * predicted
    // One slow batch says little; spinning for a moment costs less than sleeping through the end.
    else this.predicted = Math.min(took, 1.1 * predicted)
    return overslept
  }
}
