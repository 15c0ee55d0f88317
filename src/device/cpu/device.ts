import type { Buffer, Device, DeviceInfo, MemoryUse, Program } from '../device.js'
import { DeviceError } from '../errors.js'
import type { Launch } from '../launch.js'
import { DeviceMemory, type Memory, type PooledBuffer, type RecordedMemory } from '../memory.js'
import type { NativeQueue } from './load.js'

type CPUBuffer = PooledBuffer<Memory>

interface CPUProgram extends Program {
  readonly recorded: RecordedMemory<Memory>
}

/**
 * A queue of launches on a thread of the native addon. A launch is read and checked when it is made, so what is wrong
 * with it is thrown there; what goes wrong while it runs is thrown by the next `read`, with the op's name. Made by
 * `openCPU`.
 */
export class CPUDevice implements Device {
  private readonly memories: DeviceMemory<Memory>
  private readonly programs = new Set<Program>()
  private recording: Launch[] | undefined
  private open = true

  constructor(
    private readonly queue: NativeQueue,
    readonly info: DeviceInfo,
  ) {
    this.memories = new DeviceMemory({
      maxBytes: info.limits.maxBufferBytes,
      create: size => ({ id: queue.allocate(size), size }),
      destroy: ({ id }) => queue.letGo(id),
    })
  }

  alloc(bytes: number): Buffer {
    this.mustBeOpen('alloc')
    return this.memories.alloc(bytes)
  }

  free(buffer: Buffer): void {
    if (this.open) this.memories.free(buffer as CPUBuffer)
  }

  write(buffer: Buffer, data: ArrayBufferView, offset = 0): void {
    this.mustBeOpen('write')
    const mine = buffer as CPUBuffer
    this.memories.checkWrite(mine, offset, data.byteLength)
    this.queue.write(mine.memory.id, offset, data)
  }

  async read(buffer: Buffer, offset = 0, bytes = buffer.bytes - offset): Promise<ArrayBuffer> {
    this.mustBeOpen('read')
    const mine = buffer as CPUBuffer
    this.memories.checkRead(mine, offset, bytes)
    return this.queue.read(mine.memory.id, offset, bytes)
  }

  launch(launch: Launch): void {
    this.mustBeOpen('launch')
    this.queue.launch(launch)
    this.recording?.push(launch)
  }

  async record(body: () => void): Promise<Program> {
    this.mustBeOpen('record')
    const recorded = this.memories.begin()
    const launches: Launch[] = []
    this.recording = launches
    this.queue.beginProgram()
    let id: number
    try {
      body()
    } catch (error) {
      this.memories.release(recorded)
      throw error
    } finally {
      this.recording = undefined
      this.memories.end()
      id = this.queue.endProgram()
    }
    const program: CPUProgram = { id, launches, recorded }
    this.programs.add(program)
    this.replay(program)
    return program
  }

  replay(program: Program): void {
    this.mustBeOpen('replay')
    if (!this.programs.has(program)) throw new DeviceError('replay: the program was released')
    this.queue.replay(program.id)
  }

  release(program: Program): void {
    if (!this.programs.delete(program)) return
    this.queue.release(program.id)
    this.memories.release((program as CPUProgram).recorded)
  }

  async settle(inFlight = 0): Promise<void> {
    this.mustBeOpen('settle')
    await this.queue.settle(inFlight)
  }

  /** The working memory that ops share counts as pooled, and towards the peak. */
  memory(): MemoryUse {
    const scratch = this.queue.scratchBytes()
    const { live, pooled, peak, buffers } = this.memories.use()
    return { live, pooled: pooled + scratch, peak: peak + scratch, buffers }
  }

  resetPeak(): void {
    this.memories.resetPeak()
  }

  async close(): Promise<void> {
    if (!this.open) return
    await this.settle()
    this.open = false
    this.queue.close()
    this.memories.trim()
  }

  private mustBeOpen(call: string): void {
    if (!this.open) throw new DeviceError(`${call}: the device was closed`)
  }
}
