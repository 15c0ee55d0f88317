/** How much work of each kind a submission does: multiply-adds or element visits by kernel, or one run of a program. */
export type Work = ReadonlyMap<string, number>

/** A submission the host may want to wait for. */
export interface Submission {
  /** Lets the host wait for this submission alone: four bytes copied at its end. */
  readonly fence: GPUBuffer | undefined
  readonly submitted: number
  readonly work: Work
  /** While its fence is mapped: shared by everybody who waits, because a buffer cannot be mapped twice. */
  mapping?: Promise<void>
}

const FENCES = 8
// Seconds of a unit of work before anything was measured: faster than any adapter, so that nobody oversleeps.
const FIRST_GUESS = 1e-12
// Slower than any adapter. A small batch measures the cost of submitting; a large one must not be thought as slow.
const SLOWEST = 1e-8

/**
 * Waits politely. A pending promise of Dawn's keeps the event loop spinning and takes one of a software adapter's
 * cores (matmul 10 instead of 14.8 GFLOP/s on two cores), so the host first sleeps for most of the predicted time and
 * only then asks. The prediction is the work of the outstanding submissions times the seconds that a unit of it took so
 * far, learned for each kernel and each program.
 */
export class Waiter {
  private readonly outstanding: Submission[] = []
  private readonly idle: GPUBuffer[] = []
  private readonly source: GPUBuffer
  private readonly rates = new Map<string, number>()
  private lastDone = 0

  constructor(gpu: GPUDevice) {
    this.source = gpu.createBuffer({ size: 4, usage: 0x04 })
    // COPY_DST and MAP_READ
    for (let i = 0; i < FENCES; i++) this.idle.push(gpu.createBuffer({ size: 4, usage: 0x08 | 0x01 }))
  }

  /** Ends a submission's encoder with a fence, if one is free, and remembers it. */
  mark(encoder: GPUCommandEncoder, work: Work): void {
    const fence = this.idle.pop()
    if (fence) encoder.copyBufferToBuffer(this.source, 0, fence, 0, 4)
    this.outstanding.push({ fence, submitted: performance.now(), work })
  }

  get inFlight(): number {
    return this.outstanding.length
  }

  /** Resolves when the submission is done; a fence is mapped once, whoever waits, and idle again after that. */
  private fenceOf(submission: Submission): Promise<void> | undefined {
    const { fence } = submission
    if (!fence) return undefined
    submission.mapping ??= fence.mapAsync(1).then(() => {
      fence.unmap()
      this.idle.push(fence)
    })
    return submission.mapping
  }

  /** The latest submission, unless all are done. */
  get newest(): Submission | undefined {
    return this.outstanding.at(-1)
  }

  /** Sleeps until the submissions up to `last` should nearly be done. */
  async sleep(last: Submission | undefined): Promise<void> {
    const first = this.outstanding[0]
    if (!first || !last) return
    const seconds = this.predict(this.outstanding.slice(0, this.outstanding.indexOf(last) + 1))
    const left = Math.max(first.submitted, this.lastDone) + 900 * seconds - performance.now()
    if (left > 1) await new Promise(resolve => setTimeout(resolve, left))
  }

  /** Waits for the first `count` submissions; without a fence of its own a submission is covered by a later one. */
  async wait(count: number, drain: () => Promise<unknown>): Promise<void> {
    const last = this.outstanding[count - 1]
    if (!last) return
    await this.sleep(last)
    // A read may have been answered meanwhile, and the fence may be another submission's by now.
    if (!this.outstanding.includes(last)) return
    const asked = performance.now()
    await (this.fenceOf(last) ?? drain())
    this.done(last, performance.now() - asked)
  }

  /** The submissions up to `last` are done; the host had to wait `waited` milliseconds after its sleep. */
  done(last: Submission | undefined, waited: number): void {
    const finished = this.outstanding.splice(0, last ? this.outstanding.indexOf(last) + 1 : 0)
    // Somebody else who waited may have said so already.
    if (finished.length === 0) return
    const now = performance.now()
    const begin = Math.max(finished[0]!.submitted, this.lastDone)
    for (const { fence, mapping } of finished) if (fence && !mapping) this.idle.push(fence)
    this.lastDone = now
    // An answer that comes at once says only that the sleep was long enough, perhaps much too long.
    const overslept = waited < 1 + 0.03 * (now - begin)
    this.learn(finished, ((overslept ? 0.5 : 1) * (now - begin)) / 1000)
  }

  /** Seconds. */
  private predict(submissions: readonly Submission[]): number {
    let seconds = 0
    for (const { work } of submissions) for (const [kernel, amount] of work) seconds += amount * this.rateOf(kernel)
    return seconds
  }

  /** Moves the rate of every kernel towards what was seen, in the measure of its share in the prediction. */
  private learn(submissions: readonly Submission[], seconds: number): void {
    // The first run of a kernel may include its compilation: it says nothing about the next.
    const fresh = submissions.flatMap(({ work }) => [...work.keys()]).filter(kernel => !this.rates.has(kernel))
    for (const kernel of fresh) this.rates.set(kernel, FIRST_GUESS)
    const predicted = this.predict(submissions)
    if (predicted === 0 || fresh.length > 0) return
    const error = Math.log(seconds / predicted)
    // All submissions together, so that a kernel of many of them moves once, by no more than the whole error.
    const shares = new Map<string, number>()
    for (const { work } of submissions) {
      for (const [kernel, amount] of work) {
        shares.set(kernel, (shares.get(kernel) ?? 0) + (amount * this.rateOf(kernel)) / predicted)
      }
    }
    for (const [kernel, share] of shares) {
      this.rates.set(kernel, Math.min(this.rateOf(kernel) * Math.exp(error * share), SLOWEST))
    }
  }

  private rateOf(kernel: string): number {
    return this.rates.get(kernel) ?? FIRST_GUESS
  }

  close(): void {
    for (const fence of this.idle) fence.destroy()
    this.source.destroy()
  }
}
