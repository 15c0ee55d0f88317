import type { Buffer, Compilation, Device, DeviceInfo, LaunchTime, MemoryUse, Program } from '../device.js'
import { DeviceError, DeviceLostError } from '../errors.js'
import type { Launch } from '../launch.js'
import type { MemoryPool } from '../memory.js'
import { Commands } from './commands.js'
import { kernelOf } from './kernel.js'
import { type GPUMemory, gpuPool, type WebGPUBuffer } from './memory.js'
import { Pipelines } from './pipelines.js'
import type { Dispatch, Target } from './plan.js'
import { Postponed } from './postponed.js'
import { type Command, Recording } from './recording.js'
import { Staging } from './staging.js'
import type { SubgroupMatrix } from './subgroupMatrix.js'
import { MOST_COMMANDS, type Prepared, Submission } from './submission.js'
import { Trace } from './trace.js'
import { type PlanCache, Tuner } from './tuner.js'
import { Waiter, type Work } from './waiter.js'

interface WebGPUProgram extends Program, Prepared {
  readonly work: Work
  readonly recording: Recording
}

/** A queue of launches on a WebGPU adapter, Dawn's in Node or the browser's. Made by `openWebGPU`. */
export class WebGPUDevice implements Device {
  readonly plans = new Map<string, string>()
  private readonly pool: MemoryPool<GPUMemory>
  private readonly pipelines: Pipelines
  private readonly waiter: Waiter
  private readonly target: Target
  private readonly commands: Commands
  private readonly submission: Submission
  private readonly staging: Staging
  private pending: Command[] = []
  private readonly postponed = new Postponed()
  private readonly errors: string[] = []
  private recording: Recording | undefined
  private tuning: { readonly tuner: Tuner; readonly cache: PlanCache | undefined } | undefined
  private readonly programs = new Set<WebGPUProgram>()
  private nextProgram = 1
  private state: 'open' | 'closed' | 'lost' = 'open'
  private lostReason = ''

  constructor(
    private readonly gpu: GPUDevice,
    readonly info: DeviceInfo,
    subgroupMatrix?: SubgroupMatrix,
  ) {
    this.target = { limits: info.limits, features: info.features, software: info.software, subgroupMatrix }
    this.pipelines = new Pipelines(gpu)
    this.pool = gpuPool(gpu, info.limits.maxBufferBytes, memory => this.pipelines.drop(memory))
    this.waiter = new Waiter(gpu)
    this.commands = new Commands(this, this.target, this.pool)
    this.submission = new Submission(gpu, this.pipelines, this.waiter)
    this.staging = new Staging(gpu)
    gpu.addEventListener('uncapturederror', event => {
      ;(event as Event & { preventDefault?(): void }).preventDefault?.()
      this.errors.push((event as GPUUncapturedErrorEvent).error.message)
    })
    gpu.lost.then(({ reason, message }) => {
      if (this.state !== 'open') return
      this.state = 'lost'
      this.lostReason = `${reason || 'unknown'}: ${message}`
    })
  }

  alloc(bytes: number): Buffer {
    this.mustBeOpen('alloc')
    const recording = this.recording
    const buffer = this.pool.take(bytes, recording?.free)
    recording?.allocated(buffer)
    return buffer
  }

  free(buffer: Buffer): void {
    const mine = buffer as WebGPUBuffer
    if (mine.freed || this.state !== 'open') return
    this.pool.give(mine)
    this.recording?.freed(mine)
  }

  write(buffer: Buffer, data: ArrayBufferView, offset = 0): void {
    this.mustBeOpen('write')
    const mine = buffer as WebGPUBuffer
    this.pool.check('write', mine, offset, data.byteLength)
    this.recording?.written(mine)
    this.flush()
    const whole = data.byteLength % 4 === 0 ? data : padded(data)
    this.gpu.queue.writeBuffer(mine.memory.gpu, offset, whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength)
  }

  async read(buffer: Buffer, offset = 0, bytes = buffer.bytes - offset): Promise<ArrayBuffer> {
    this.mustBeOpen('read')
    const mine = buffer as WebGPUBuffer
    if (this.recording) throw new DeviceError('read: not while recording; read after the program has run')
    this.pool.check('read', mine, offset, bytes)
    const size = Math.ceil(bytes / 4) * 4
    const staging = this.staging.take(size)
    await this.submitCompiled(encoder => encoder.copyBufferToBuffer(mine.memory.gpu, offset, staging, 0, size))
    this.mustBeOpen('read')
    const covered = this.waiter.newest
    await this.waiter.sleep(covered)
    const asked = performance.now()
    try {
      await staging.mapAsync(1, 0, size)
    } catch (error) {
      await this.explain('read', error)
    }
    this.waiter.done(covered, performance.now() - asked)
    const data = staging.getMappedRange(0, size).slice(0, bytes)
    staging.unmap()
    this.staging.give(staging)
    await this.throwErrors()
    this.submission.forget()
    return data
  }

  launch(launch: Launch): void {
    this.mustBeOpen('launch')
    const commands = this.commands.of(launch)
    if (this.recording) {
      this.recording.add(launch, commands)
      return
    }
    for (const command of commands) {
      this.pending.push(command)
      if (this.pending.length === MOST_COMMANDS) this.flush()
    }
  }

  async record(body: () => void): Promise<Program> {
    this.mustBeOpen('record')
    if (this.recording) throw new DeviceError('record: a recording is under way already')
    this.flush()
    const recording = new Recording(this.pool)
    const { commands, launches } = recording
    try {
      this.recording = recording
      try {
        body()
      } finally {
        this.recording = undefined
      }
      await this.tune(recording)
      await Promise.all(commands.map(({ kernel }) => this.pipelines.prepare(kernel)))
      this.mustBeOpen('record')
    } catch (error) {
      recording.release()
      throw error
    }
    const id = this.nextProgram++
    const work = new Map([[`program ${id}`, commands.reduce((sum, { dispatch }) => sum + dispatch.work, 0)]])
    const program: WebGPUProgram = { id, launches, recording, work, ...this.submission.prepare(commands) }
    this.programs.add(program)
    this.replay(program)
    return program
  }

  replay(program: Program): void {
    this.mustBeOpen('replay')
    const mine = program as WebGPUProgram
    if (!this.programs.has(mine)) throw new DeviceError('replay: the program was released')
    if (this.recording) throw new DeviceError('replay: not while recording; a program does not hold another')
    this.flush()
    this.submission.run(mine, mine.work)
  }

  release(program: Program): void {
    const mine = program as WebGPUProgram
    if (!this.programs.delete(mine)) return
    mine.params.destroy()
    mine.recording.release()
  }

  async settle(inFlight = 0): Promise<void> {
    this.mustBeOpen('settle')
    if (this.pending.length > 0 || this.postponed.waiting) await this.submitCompiled()
    while (this.waiter.inFlight > inFlight) {
      try {
        await this.waiter.wait(this.waiter.inFlight - inFlight, () => this.gpu.queue.onSubmittedWorkDone())
      } catch (error) {
        await this.explain('settle', error)
      }
      this.mustBeOpen('settle')
    }
  }

  async trace(body: () => Promise<void>): Promise<LaunchTime[]> {
    this.mustBeOpen('trace')
    if (this.submission.trace || this.recording)
      throw new DeviceError('trace: a trace or a recording is under way already')
    if (!this.info.features.has('timestamp-query')) {
      throw new DeviceError(`trace: ${this.info.name} has no timestamp queries`)
    }
    await this.settle()
    const trace = new Trace(this.gpu)
    this.submission.trace = trace
    try {
      await body()
      this.flush()
    } finally {
      this.submission.trace = undefined
    }
    await this.settle()
    return trace.times()
  }

  memory(): MemoryUse {
    return this.pool.use()
  }

  compilation(): Compilation {
    return this.pipelines.compilation()
  }

  resetPeak(): void {
    this.pool.resetPeak()
  }

  async close(): Promise<void> {
    if (this.state === 'open') {
      await this.settle().catch(error => {
        if (!(error instanceof DeviceLostError)) throw error
      })
    }
    if (this.state === 'closed') return
    this.state = 'closed'
    for (const program of this.programs) program.params.destroy()
    this.staging.destroy()
    this.pool.trim()
    this.waiter.close()
    this.gpu.destroy()
  }

  /**
   * From now on a recording times the plans of shapes that it has not met, unless they are in `cache`.
   * @throws DeviceError without timestamp queries
   */
  async tunePlans(cache?: PlanCache): Promise<void> {
    if (!this.info.features.has('timestamp-query')) {
      throw new DeviceError(`tune: ${this.info.name} has no timestamp queries`)
    }
    for (const [shape, name] of Object.entries((await cache?.read()) ?? {})) this.plans.set(shape, name)
    const prepare = (dispatches: readonly Dispatch[]) =>
      Promise.all(dispatches.map(dispatch => this.pipelines.prepare(kernelOf(dispatch))))
    this.tuning = { tuner: new Tuner(this, this.target, prepare), cache }
  }

  /** Times what is new in a recording, and gives its launches the plans that were chosen. */
  private async tune(recording: Recording): Promise<void> {
    if (!this.tuning || this.submission.trace) return
    const { tuner, cache } = this.tuning
    if (!(await tuner.tune(recording.launches))) return
    await cache?.write(Object.fromEntries(this.plans))
    recording.replan((launch, before) => this.commands.again(launch, before))
  }

  private flush(): void {
    this.postponed.run()
    if (this.pending.length > 0) this.submission.submit(this.takePending())
  }

  /** Submits what is pending when all its kernels are compiled, side by side; what comes in between makes it go at once. */
  private async submitCompiled(tail?: (encoder: GPUCommandEncoder) => void): Promise<void> {
    const commands = this.takePending()
    const fresh = commands.filter(({ kernel }) => !this.pipelines.has(kernel))
    const submit = () => {
      if (this.state === 'open') this.submission.submit(commands, tail)
    }
    if (fresh.length === 0 && !this.postponed.waiting) submit()
    else await this.postponed.add(submit, Promise.all(fresh.map(({ kernel }) => this.pipelines.prepare(kernel))))
  }

  private takePending(): Command[] {
    const pending = this.pending
    this.pending = []
    return pending
  }

  /** Errors that Dawn reported since the last read, with the launch that caused them. */
  private async throwErrors(): Promise<void> {
    this.mustBeOpen('read')
    if (this.errors.length === 0) return
    const [message] = this.errors.splice(0)
    const culprit = await this.submission.culprit()
    throw new DeviceError(`${culprit ?? 'a submission'} failed and its batch was dropped: ${message}`)
  }

  /** Why a promise of Dawn's was rejected. */
  private async explain(call: string, error: unknown): Promise<never> {
    // The news that the device is lost comes a turn of the event loop later than its consequences.
    await new Promise(resolve => setTimeout(resolve))
    this.mustBeOpen(call)
    throw new DeviceError(`${call}: ${(error as Error).message}`, { cause: error })
  }

  private mustBeOpen(call: string): void {
    if (this.state === 'open') return
    if (this.state === 'closed') throw new DeviceError(`${call}: the device was closed`)
    throw new DeviceLostError(`${call}: the device was lost (${this.lostReason}); open it again and resume`)
  }
}

function padded(data: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return bytes
}
