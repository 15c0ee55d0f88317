import { availableParallelism, cpus, totalmem } from 'node:os'
import type { DeviceInfo } from '../device.js'
import { ConfigError } from '../errors.js'
import { CPUDevice } from './device.js'
import { loadAddon, type NativeDescription } from './load.js'

export interface CPUOptions {
  /** How many threads a launch may use; by default SELFSAME_THREADS, else all that the process may run on. */
  readonly threads?: number
  /**
   * Whether 3×3 convolutions may be done by Winograd's algorithm where that is faster. Its rounding errors are about
   * five times those of direct convolution; by default yes, unless SELFSAME_WINOGRAD is 0.
   */
  readonly winograd?: boolean
}

/** @throws ConfigError when the addon is not there or an option is out of range */
export async function openCPU(options: CPUOptions = {}): Promise<CPUDevice> {
  const threads = threadsOf(options.threads ?? process.env.SELFSAME_THREADS)
  const winograd = options.winograd ?? process.env.SELFSAME_WINOGRAD !== '0'
  const addon = loadAddon()
  return new CPUDevice(new addon.Queue(threads, winograd), describe(addon.describe(), threads, winograd))
}

function threadsOf(wanted: number | string | undefined): number {
  if (wanted === undefined || wanted === '') return availableParallelism()
  const threads = Number(wanted)
  if (Number.isInteger(threads) && threads >= 1 && threads <= 4096) return threads
  throw new ConfigError(`threads (or SELFSAME_THREADS): wants a whole number from 1 to 4096, got ${wanted}`)
}

function describe({ onednn, avx512, bfloat16 }: NativeDescription, threads: number, winograd: boolean): DeviceInfo {
  const name = cpus()[0]?.model.trim() || process.arch
  const memory = totalmem()
  return {
    kind: 'cpu',
    name,
    vendor: /amd/i.test(name) ? 'amd' : /intel/i.test(name) ? 'intel' : /apple/i.test(name) ? 'apple' : process.arch,
    driver: `oneDNN ${onednn}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    software: false,
    // There are no bindings or workgroups; one buffer may be as large as the machine's memory.
    limits: {
      maxBindingBytes: memory,
      maxBufferBytes: memory,
      maxStorageBuffers: Number.MAX_SAFE_INTEGER,
      maxWorkgroupInvocations: Number.MAX_SAFE_INTEGER,
      maxWorkgroupBytes: Number.MAX_SAFE_INTEGER,
      maxWorkgroupsPerDimension: Number.MAX_SAFE_INTEGER,
    },
    features: new Set(
      Object.entries({ avx512, bfloat16, winograd: winograd && avx512 }).flatMap(([name, has]) => (has ? [name] : [])),
    ),
  }
}
