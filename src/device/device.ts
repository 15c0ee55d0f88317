import type { Launch } from './launch.js'

/** Memory on a device. Opaque: only the device that made it can use it. */
export interface Buffer {
  readonly id: number
  /** The size that was asked for. The memory behind it may be larger. */
  readonly bytes: number
}

/** A part of a buffer: what an operand of a launch is. `offset` is a multiple of 256 bytes. */
export interface Slice {
  readonly buffer: Buffer
  readonly offset: number
  readonly bytes: number
}

/** What a planner may depend on: never the name of a machine, only what it can do. */
export interface Limits {
  readonly maxBindingBytes: number
  readonly maxBufferBytes: number
  readonly maxStorageBuffers: number
  readonly maxWorkgroupInvocations: number
  readonly maxWorkgroupBytes: number
  readonly maxWorkgroupsPerDimension: number
}

export interface DeviceInfo {
  readonly kind: 'webgpu' | 'cpu'
  /** For example `llvmpipe (LLVM 15.0.6, 256 bits)` or `NVIDIA H200`. */
  readonly name: string
  readonly vendor: string
  readonly driver: string
  /** Whether a processor plays the GPU (lavapipe, SwiftShader, WARP). */
  readonly software: boolean
  readonly limits: Limits
  readonly features: ReadonlySet<string>
}

/** A recorded list of launches that can be run again. Made by `Device.record`. */
export interface Program {
  readonly id: number
  readonly launches: readonly Launch[]
}

/** When a device carried out a launch, in nanoseconds of its own clock. */
export interface LaunchTime {
  readonly launch: Launch
  readonly begin: number
  readonly end: number
  /** What the longest dispatch of it took, also in nanoseconds. The CPU device carries out a launch in one. */
  readonly longestDispatch: number
}

/** What the device holds, in bytes. `peak` since it was opened or since `resetPeak`. */
export interface MemoryUse {
  readonly live: number
  readonly pooled: number
  readonly peak: number
  /** Buffers allocated and not yet freed; what a leak test watches. */
  readonly buffers: number
}

/** What compiling kernels has cost so far. Nothing on the CPU device, whose loops come compiled. */
export interface Compilation {
  readonly pipelines: number
  /** Time in which at least one was being compiled; those of a recording are compiled side by side. */
  readonly ms: number
}

/**
 * A device is a queue of launches. Everything but `read`, `settle`, `record` and `close` returns at once; the launches
 * run in the order in which they were made.
 */
export interface Device {
  readonly info: DeviceInfo
  /** @throws DeviceError when there is no room; it says how much was asked for and what holds the rest. */
  alloc(bytes: number): Buffer
  /** Back to the pool: a later launch may use the memory again, an earlier one is not disturbed. */
  free(buffer: Buffer): void
  /** Copies `data` at the call; seen by the launches after it. `offset` is a multiple of 4 bytes. */
  write(buffer: Buffer, data: ArrayBufferView, offset?: number): void
  /** The only place where the host waits for a value. The result is the caller's own memory. */
  read(buffer: Buffer, offset?: number, bytes?: number): Promise<ArrayBuffer>
  /** @throws DeviceError for a launch that the device could not run safely. */
  launch(launch: Launch): void
  /**
   * Collects the launches that `body` makes, compiles what they need and runs them once. Buffers that `body`
   * allocates, freed or not, belong to the program from then on.
   */
  record(body: () => void): Promise<Program>
  /** The same launches again, on the same buffers, with whatever they hold now. */
  replay(program: Program): void
  /** Gives the program's buffers back to the pool. */
  release(program: Program): void
  /** Resolves when at most `inFlight` submissions are still running: what keeps a loop of replays from running ahead. */
  settle(inFlight?: number): Promise<void>
  /**
   * Runs `body` and tells when each launch of it, replayed ones too, was carried out, in order. Nothing is timed outside.
   * @throws DeviceError in a trace or a recording
   */
  trace(body: () => Promise<void>): Promise<LaunchTime[]>
  /**
   * Which of several plans with the same results carries out launches of a shape, where one was found to be faster than
   * the planner's own: written by a device that tunes, and by whoever knows better. Read at every launch.
   */
  readonly plans: Map<string, string>
  memory(): MemoryUse
  compilation(): Compilation
  /** Forget the peak so far. */
  resetPeak(): void
  close(): Promise<void>
}
