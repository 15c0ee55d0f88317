/**
 * Submissions that wait until their kernels are compiled, side by side and off this thread. Order is kept: whatever must
 * come after them runs them first, compiled or not (then they compile on this thread, one by one).
 */
export class Postponed {
  private jobs: (() => void)[] = []
  private compiled: Promise<unknown> = Promise.resolve()

  get waiting(): boolean {
    return this.jobs.length > 0
  }

  /** Resolves when `job` has run: when what is being compiled is done, or earlier, when somebody called `run`. */
  async add(job: () => void, compiling: Promise<unknown>): Promise<void> {
    this.jobs.push(job)
    // A kernel that does not compile fails again, with its launch's name, when the job runs.
    const compiled = Promise.allSettled([this.compiled, compiling])
    this.compiled = compiled
    await compiled
    if (this.jobs.includes(job)) this.run()
  }

  run(): void {
    for (const job of this.jobs.splice(0)) job()
  }
}
