import type { Buffer, Compilation, Device, DeviceInfo, LaunchTime, MemoryUse, Program } from '../device.js'
import { DeviceError } from '../errors.js'
import { type Launch, slicesOf } from '../launch.js'
import { type Memory, MemoryPool, type PooledBuffer } from '../memory.js'
import { RecordedMemory } from '../recording.js'
import type { NativeQueue } from './load.js'

type CPUBuffer = PooledBuffer<Memory>

interface CPUProgram extends Program {
  readonly memory: RecordedMemory<Memory>
}

/**
 * A queue of launches on a thread of the native addon. A launch is read and checked when it is made, so what is wrong
 * with it is thrown there; what goes wrong while it runs is thrown by the next `read`, with the op's name. Made by
 * `openCPU`.
 */
export class CPUDevice implements Device {
  /** A launch has one plan here. */
  readonly plans = new Map<string, string>()
  private readonly pool: MemoryPool<Memory>
  private readonly programs = new Set<Program>()
  private recording: { readonly launches: Launch[]; readonly memory: RecordedMemory<Memory> } | undefined
  /** The launches of the trace that is under way. */
  private traced: Launch[] | undefined
  private open = true

  constructor(
    private readonly queue: NativeQueue,
    readonly info: DeviceInfo,
  ) {
    this.pool = new MemoryPool({
      maxBytes: info.limits.maxBufferBytes,
      create: size => ({ id: this.allocate(size), size, holders: 0 }),
      destroy: ({ id }) => queue.letGo(id),
    })
  }

  alloc(bytes: number): Buffer {
    this.mustBeOpen('alloc')
    const buffer = this.pool.take(bytes, this.recording?.memory.free)
    this.recording?.memory.allocated(buffer)
    return buffer
  }

  free(buffer: Buffer): void {
    const mine = buffer as CPUBuffer
    if (mine.freed || !this.open) return
    this.pool.give(mine)
    this.recording?.memory.freed(mine)
  }

  write(buffer: Buffer, data: ArrayBufferView, offset = 0): void {
    this.mustBeOpen('write')
    const mine = buffer as CPUBuffer
    this.pool.check('write', mine, offset, data.byteLength)
    this.recording?.memory.written(mine)
    this.queue.write(mine.memory.id, offset, data)
  }

  async read(buffer: Buffer, offset = 0, bytes = buffer.bytes - offset): Promise<ArrayBuffer> {
    this.mustBeOpen('read')
    if (this.recording) throw new DeviceError('read: not while recording; read after the program has run')
    const mine = buffer as CPUBuffer
    this.pool.check('read', mine, offset, bytes)
    return this.queue.read(mine.memory.id, offset, bytes)
  }

  launch(launch: Launch): void {
    this.mustBeOpen('launch')
    this.queue.launch(launch)
    if (!this.recording) {
      this.traced?.push(launch)
      return
    }
    this.recording.launches.push(launch)
    for (const { buffer } of slicesOf(launch)) this.recording.memory.hold((buffer as CPUBuffer).memory)
  }

  async record(body: () => void): Promise<Program> {
    this.mustBeOpen('record')
    if (this.recording) throw new DeviceError('record: a recording is under way already')
    const recording = { launches: [], memory: new RecordedMemory(this.pool) }
    this.recording = recording
    this.queue.beginProgram()
    try {
      body()
    } catch (error) {
      recording.memory.release()
      this.queue.release(this.queue.endProgram())
      throw error
    } finally {
      this.recording = undefined
    }
    const program: CPUProgram = { id: this.queue.endProgram(), ...recording }
    this.programs.add(program)
    this.replay(program)
    return program
  }

  replay(program: Program): void {
    this.mustBeOpen('replay')
    if (!this.programs.has(program)) throw new DeviceError('replay: the program was released')
    if (this.recording) throw new DeviceError('replay: not while recording; a program does not hold another')
    this.queue.replay(program.id)
    this.traced?.push(...program.launches)
  }

  release(program: Program): void {
    const mine = program as CPUProgram
    if (!this.programs.delete(mine)) return
    this.queue.release(mine.id)
    mine.memory.release()
  }

  async settle(inFlight = 0): Promise<void> {
    this.mustBeOpen('settle')
    await this.queue.settle(inFlight)
  }

  async trace(body: () => Promise<void>): Promise<LaunchTime[]> {
    if (this.traced || this.recording) throw new DeviceError('trace: a trace or a recording is under way already')
    await this.settle()
    this.queue.beginTrace()
    const launches: Launch[] = []
    this.traced = launches
    let times: Float64Array
    try {
      await body()
    } finally {
      this.traced = undefined
      await this.settle()
      times = this.queue.endTrace()
    }
    return launches.map((launch, i) => {
      const [begin, end] = [times[2 * i]!, times[2 * i + 1]!]
      return { launch, begin, end, longestDispatch: end - begin }
    })
  }

  /** The working memory that ops share counts as pooled, and towards the peak. */
  memory(): MemoryUse {
    const scratch = this.queue.scratchBytes()
    const { live, pooled, peak, buffers } = this.pool.use()
    return { live, pooled: pooled + scratch, peak: peak + scratch, buffers }
  }

  compilation(): Compilation {
    return { pipelines: 0, ms: 0 }
  }

  resetPeak(): void {
    this.pool.resetPeak()
  }

  async close(): Promise<void> {
    if (!this.open) return
    await this.settle()
    this.open = false
    this.queue.close()
    this.pool.trim()
  }

  private allocate(size: number): number {
    try {
      return this.queue.allocate(size)
    } catch (cause) {
      throw new DeviceError(`alloc: no room for ${size} bytes; ${this.pool.holders()}`, { cause })
    }
  }

  private mustBeOpen(call: string): void {
    if (!this.open) throw new DeviceError(`${call}: the device was closed`)
  }
}
