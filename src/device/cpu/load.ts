import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, DeviceError } from '../errors.js'
import type { Launch } from '../launch.js'

/** What the processor and oneDNN can do. */
export interface NativeDescription {
  /** oneDNN's version. */
  readonly onednn: string
  /** After ONEDNN_MAX_CPU_ISA, as is `bfloat16`. */
  readonly avx512: boolean
  readonly bfloat16: boolean
  /** The names of the ops it carries out. */
  readonly ops: readonly string[]
}

/** The queue of `native/addon.cc`. Everything but `read` and `settle` returns at once; all throw DeviceError. */
export interface NativeQueue {
  /** New memory, by its number. */
  allocate(bytes: number): number
  letGo(memory: number): void
  write(memory: number, offset: number, data: ArrayBufferView): void
  read(memory: number, offset: number, bytes: number): Promise<ArrayBuffer>
  launch(launch: Launch): void
  /** The launches from here to `endProgram` are kept, not run. */
  beginProgram(): void
  endProgram(): number
  replay(program: number): void
  release(program: number): void
  settle(inFlight: number): Promise<void>
  /** Launches are timed from here on; the queue must be idle, as for `endTrace`. */
  beginTrace(): void
  /** When each launch since `beginTrace` began and ended, in turn, in nanoseconds. */
  endTrace(): Float64Array
  scratchBytes(): number
  close(): void
}

export interface Addon {
  readonly Queue: new (threads: number, winograd: boolean) => NativeQueue
  setError(error: typeof DeviceError): void
  describe(): NativeDescription
}

let addon: Addon | undefined

/** The addon of this package, loaded once a process. @throws ConfigError when it was not built or does not load */
export function loadAddon(): Addon {
  addon ??= load(join(packageFolder(), 'build', 'Release', 'selfsame.node'))
  return addon
}

/** @throws ConfigError */
export function load(path: string): Addon {
  if (!existsSync(path)) {
    throw new ConfigError(
      `device cpu: ${path} was not built; run \`npx selfsame build-cpu\` (it needs ${BUILD_NEEDS}), or use --device webgpu`,
    )
  }
  // libgomp reads it once, when it is loaded. Its default spins: beside one busy process a small parallel region then
  // takes 8 ms instead of 15 µs.
  process.env.OMP_WAIT_POLICY ??= 'passive'
  try {
    const loaded = createRequire(import.meta.url)(path) as Addon
    loaded.setError(DeviceError)
    return loaded
  } catch (cause) {
    throw new ConfigError(
      `device cpu: ${path} does not load (${(cause as Error).message}); build it again with \`npx selfsame build-cpu\``,
      { cause },
    )
  }
}

/** What to install before the addon can be built. */
export const BUILD_NEEDS =
  'CMake, a C++ compiler and oneDNN: apt-get install build-essential cmake libdnnl-dev, ' +
  'brew install cmake onednn, or vcpkg install onednn'

/** The folder of the nearest package.json: this file runs from src, from dist/src and from an installed package. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}
