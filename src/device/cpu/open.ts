import { availableParallelism, cpus, totalmem } from 'node:os'
import type { DeviceInfo } from '../device.js'
import { ConfigError } from '../errors.js'
import { CPUDevice } from './device.js'
import { loadAddon, type NativeDescription } from './load.js'

export interface CPUOptions {
  /** How many threads a launch may use; by default SELFSAME_THREADS, else all that the process may run on. */
  readonly threads?: number
}

/** @throws ConfigError when the addon is not there or an option is out of range */
export async function openCPU(options: CPUOptions = {}): Promise<CPUDevice> {
  const threads = threadsOf(options.threads ?? process.env.SELFSAME_THREADS)
  const addon = loadAddon()
  return new CPUDevice(new addon.Queue(threads), describe(addon.describe(), threads))
}

function threadsOf(wanted: number | string | undefined): number {
  if (wanted === undefined || wanted === '') return availableParallelism()
  const threads = Number(wanted)
  if (Number.isInteger(threads) && threads >= 1 && threads <= 4096) return threads
  throw new ConfigError(`threads (or SELFSAME_THREADS): wants a whole number from 1 to 4096, got ${wanted}`)
}

function describe({ onednn, avx512, bfloat16 }: NativeDescription, threads: number): DeviceInfo {
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
    features: new Set([...(avx512 ? ['avx512'] : []), ...(bfloat16 ? ['bfloat16'] : [])]),
  }
}
