import type { Buffer, Compilation, Device, DeviceInfo, LaunchTime, MemoryUse, Program, Slice } from '../device.js'
import { DeviceError, DeviceLostError } from '../errors.js'
import type { Launch } from '../launch.js'
import type { MemoryPool } from '../memory.js'
import { precisionFault } from '../precision.js'
import { faultOf, type Resolved } from './check.js'
import { encodeParams, kernelOf } from './kernel.js'
import { type GPUMemory, gpuPool, type WebGPUBuffer } from './memory.js'
import { PARAMS_SLOT, Pipelines } from './pipelines.js'
import { type Binding, type Dispatch, plannerOf, type Target } from './plan.js'
import { Postponed } from './postponed.js'
import { type Command, Recording } from './recording.js'
import type { SubgroupMatrix } from './subgroupMatrix.js'
import { Trace } from './trace.js'
import { chosenPlan, type PlanCache, Tuner } from './tuner.js'
import { Waiter, type Work } from './waiter.js'

// Enough to keep the queue busy, few enough that an eager batch starts soon.
const MAX_PENDING = 256
const MAX_RECENT = 4096

/** A command with everything that encoding it needs. */
interface Encoded {
  readonly command: Command
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly grid: readonly [number, number, number]
}

interface WebGPUProgram extends Program {
  readonly commands: readonly Command[]
  readonly encoded: readonly Encoded[]
  readonly params: GPUBuffer
  readonly paramsGroup: GPUBindGroup
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
  private readonly params: GPUBuffer
  private readonly paramsGroup: GPUBindGroup
  private readonly paramsData = new DataView(new ArrayBuffer(MAX_PENDING * PARAMS_SLOT))
  private pending: Command[] = []
  private readonly postponed = new Postponed()
  private recent: Command[] = []
  private staging: GPUBuffer[] = []
  private readonly errors: string[] = []
  private recording: Recording | undefined
  private tracing: Trace | undefined
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
    this.params = gpu.createBuffer({ size: MAX_PENDING * PARAMS_SLOT, usage: 0x40 | 0x08 })
    this.paramsGroup = this.pipelines.paramsGroup(this.params)
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
    const staging = this.takeStaging(size)
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
    this.staging.push(staging)
    await this.throwErrors()
    this.recent = []
    return data
  }

  launch(launch: Launch): void {
    this.mustBeOpen('launch')
    const commands = this.plan(launch)
    if (this.recording) {
      this.recording.add(launch, commands)
      return
    }
    for (const command of commands) {
      this.pending.push(command)
      if (this.pending.length === MAX_PENDING) this.flush()
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
    const params = this.gpu.createBuffer({ size: Math.max(commands.length, 1) * PARAMS_SLOT, usage: 0x40 | 0x08 })
    const data = new DataView(new ArrayBuffer(params.size))
    commands.forEach(({ kernel, dispatch }, i) => {
      encodeParams(kernel, dispatch, data, i * PARAMS_SLOT)
    })
    this.gpu.queue.writeBuffer(params, 0, data.buffer)
    const id = this.nextProgram++
    const program: WebGPUProgram = {
      id,
      launches,
      commands,
      encoded: commands.map(command => this.encode(command)),
      params,
      paramsGroup: this.pipelines.paramsGroup(params),
      work: new Map([[`program ${id}`, commands.reduce((sum, { dispatch }) => sum + dispatch.work, 0)]]),
      recording,
    }
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
    this.remember(mine.commands)
    this.run(mine.encoded, mine.paramsGroup, mine.work)
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
    if (this.tracing || this.recording) throw new DeviceError('trace: a trace or a recording is under way already')
    if (!this.info.features.has('timestamp-query')) {
      throw new DeviceError(`trace: ${this.info.name} has no timestamp queries`)
    }
    await this.settle()
    const trace = new Trace(this.gpu)
    this.tracing = trace
    try {
      await body()
      this.flush()
    } finally {
      this.tracing = undefined
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
    for (const staging of this.staging) staging.destroy()
    this.pool.trim()
    this.waiter.close()
    this.gpu.destroy()
  }

  /** Plans a launch, lends its scratch and checks every dispatch. */
  private plan(launch: Launch): Command[] {
    const op = (launch as { op: string }).op
    const planner = plannerOf(op)
    if (!planner) throw new DeviceError(`${op}: not an op of the WebGPU device`)
    const lacking = 'precision' in launch && precisionFault(launch.precision ?? 'float32', this.info)
    if (lacking) throw new DeviceError(`${op}: precision ${lacking}`)
    const dispatches = chosenPlan(launch, this.target, this.plans) ?? planner(launch, this.target)
    const lent = new Map<number, Buffer>()
    try {
      for (const [index, bytes] of scratchOf(dispatches)) lent.set(index, this.alloc(bytes))
      const commands = this.resolve(launch, dispatches, lent)
      for (const { kernel, dispatch } of commands) {
        const fault = this.ownershipFault(dispatch.bindings)
        if (fault) throw new DeviceError(`${op}: kernel ${kernel.key} ${fault}`)
      }
      return commands
    } finally {
      for (const buffer of lent.values()) this.free(buffer)
    }
  }

  /** Dispatches on memory, every one of them checked. */
  private resolve(launch: Launch, dispatches: readonly Dispatch[], lent: ReadonlyMap<number, Buffer>): Command[] {
    return dispatches.map((dispatch, part) => {
      const bindings = dispatch.bindings.map(binding => lend(binding, lent))
      const resolved: Resolved = { ...dispatch, bindings }
      const kernel = kernelOf(dispatch)
      const fault = faultOf(resolved, kernel, this.info.limits)
      if (fault) throw new DeviceError(`${(launch as { op: string }).op}: kernel ${kernel.key} ${fault}`)
      return { launch, part, dispatch: resolved, kernel, lent }
    })
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
    if (!this.tuning || this.tracing) return
    const { tuner, cache } = this.tuning
    if (!(await tuner.tune(recording.launches))) return
    await cache?.write(Object.fromEntries(this.plans))
    recording.replan((launch, before) => {
      const plan = chosenPlan(launch, this.target, this.plans)
      return plan ? this.resolve(launch, plan, before[0]!.lent) : before
    })
  }

  private ownershipFault(bindings: readonly Slice[]): string | undefined {
    for (const [i, { buffer }] of bindings.entries()) {
      const { pool, freed } = buffer as WebGPUBuffer
      if (pool !== this.pool) return `binding ${i} lies on another device`
      if (freed) return `binding ${i} was freed`
    }
    return undefined
  }

  private flush(): void {
    this.postponed.run()
    if (this.pending.length > 0) this.submit(this.takePending())
  }

  /** Submits what is pending when all its kernels are compiled, side by side; what comes in between makes it go at once. */
  private async submitCompiled(tail?: (encoder: GPUCommandEncoder) => void): Promise<void> {
    const commands = this.takePending()
    const fresh = commands.filter(({ kernel }) => !this.pipelines.has(kernel))
    const submit = () => {
      if (this.state === 'open') this.submit(commands, tail)
    }
    if (fresh.length === 0 && !this.postponed.waiting) submit()
    else await this.postponed.add(submit, Promise.all(fresh.map(({ kernel }) => this.pipelines.prepare(kernel))))
  }

  private takePending(): Command[] {
    const pending = this.pending
    this.pending = []
    return pending
  }

  /** Runs commands that are not recorded: their parameters share one buffer, written anew for every batch. */
  private submit(commands: Command[], tail?: (encoder: GPUCommandEncoder) => void): void {
    commands.forEach(({ kernel, dispatch }, i) => {
      encodeParams(kernel, dispatch, this.paramsData, i * PARAMS_SLOT)
    })
    if (commands.length > 0) {
      this.gpu.queue.writeBuffer(
        this.params,
        0,
        this.paramsData.buffer as ArrayBuffer,
        0,
        commands.length * PARAMS_SLOT,
      )
    }
    this.remember(commands)
    const encoded = commands.map(command => this.encode(command))
    this.run(encoded, this.paramsGroup, workOf(commands), tail)
  }

  private encode(command: Command): Encoded {
    const { kernel, dispatch } = command
    const group = this.pipelines.bindGroup(kernel, dispatch.bindings)
    return { command, pipeline: this.pipelines.get(kernel), group, grid: dispatch.grid }
  }

  /** One encoder, one pass (while tracing one a dispatch), one command buffer. */
  private run(
    encoded: readonly Encoded[],
    params: GPUBindGroup,
    work: Work,
    tail?: (e: GPUCommandEncoder) => void,
  ): void {
    const encoder = this.gpu.createCommandEncoder()
    const dispatch = (pass: GPUComputePassEncoder, i: number) => {
      const { pipeline, group, grid } = encoded[i]!
      if (this.tracing || pipeline !== encoded[i - 1]?.pipeline) pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.setBindGroup(1, params, [i * PARAMS_SLOT])
      pass.dispatchWorkgroups(...grid)
    }
    if (this.tracing)
      this.tracing.encode(
        encoder,
        encoded.map(({ command }) => command),
        dispatch,
      )
    else if (encoded.length > 0) {
      const pass = encoder.beginComputePass()
      for (let i = 0; i < encoded.length; i++) dispatch(pass, i)
      pass.end()
    }
    tail?.(encoder)
    this.waiter.mark(encoder, work)
    this.gpu.queue.submit([encoder.finish()])
  }

  private remember(commands: readonly Command[]): void {
    this.recent.push(...commands)
    if (this.recent.length > MAX_RECENT) this.recent = this.recent.slice(-MAX_RECENT)
  }

  /** Errors that Dawn reported since the last read, with the launch that caused them. */
  private async throwErrors(): Promise<void> {
    this.mustBeOpen('read')
    if (this.errors.length === 0) return
    const [message] = this.errors.splice(0)
    const culprit = await this.culprit()
    throw new DeviceError(`${culprit ?? 'a submission'} failed and its batch was dropped: ${message}`)
  }

  /** Runs the recent launches again, one by one under error scopes, to find the one that fails. */
  private async culprit(): Promise<string | undefined> {
    const suspects = this.recent
    this.recent = []
    for (const command of suspects) {
      this.gpu.pushErrorScope('validation')
      let thrown: unknown
      try {
        this.submit([command])
      } catch (error) {
        thrown = error
      }
      const failed = await this.gpu.popErrorScope()
      if (failed || thrown) return `${command.launch.op} (kernel ${command.kernel.key})`
    }
    return undefined
  }

  private takeStaging(bytes: number): GPUBuffer {
    const at = this.staging.findIndex(({ size }) => size >= bytes && size <= 4 * bytes + 4096)
    if (at >= 0) return this.staging.splice(at, 1)[0]!
    if (this.staging.length > 8) this.staging.shift()!.destroy()
    return this.gpu.createBuffer({ size: Math.ceil(bytes / 256) * 256, usage: 0x08 | 0x01 })
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

/** The scratch buffers of a plan, each as long as its longest use. */
function scratchOf(dispatches: readonly Dispatch[]): Map<number, number> {
  const bytes = new Map<number, number>()
  for (const { bindings } of dispatches) {
    for (const binding of bindings) {
      if ('scratch' in binding) bytes.set(binding.scratch, Math.max(bytes.get(binding.scratch) ?? 0, binding.bytes))
    }
  }
  return bytes
}

function lend(binding: Binding, lent: ReadonlyMap<number, Buffer>): Slice {
  return 'buffer' in binding ? binding : { buffer: lent.get(binding.scratch)!, offset: 0, bytes: binding.bytes }
}

function workOf(commands: readonly Command[]): Work {
  const work = new Map<string, number>()
  for (const { kernel, dispatch } of commands) work.set(kernel.key, (work.get(kernel.key) ?? 0) + dispatch.work)
  return work
}

function padded(data: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return bytes
}
