import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, globals } from 'webgpu'

/**
 * What every instance of Dawn is made with: float16 also on NVIDIA's Vulkan driver, Vulkan's own memory model, and
 * timestamps in nanoseconds rather than rounded to 0.1 ms. The first group needs `allow_unsafe_apis`.
 */
const ENABLED = ['allow_unsafe_apis', 'use_vulkan_memory_model', 'vulkan_enable_f16_on_nvidia']
const DISABLED = ['timestamp_quantization']
/** For records of a measurement: the toggles that are on, and with a minus those that are off. */
export const DAWN_TOGGLES: readonly string[] = [...ENABLED, ...DISABLED.map(name => `-${name}`)]

/**
 * The GPU objects made so far, by their toggles. They stay here until the process ends: when Dawn's object is
 * collected while something made from it is in use, the process dies of a segmentation fault.
 */
const instances = new Map<string, GPU>()

export interface DawnOptions {
  /** More of Dawn's toggles to enable, for example `dump_shaders`. */
  readonly toggles?: readonly string[]
}

/**
 * Dawn's `GPU`: what `navigator.gpu` is in a browser. The same toggles give the same object.
 *
 * Lavapipe makes Dawn print two lines on stderr at every `requestAdapter`, from native code, so that nothing here
 * can hold them back: `Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced …` and the same for
 * `maxDynamicStorageBuffersPerPipelineLayout`. They mean nothing; selfsame uses no dynamic offsets.
 */
export function dawn({ toggles = [] }: DawnOptions = {}): GPU {
  const enabled = [...new Set([...ENABLED, ...toggles])].sort().join()
  const existing = instances.get(enabled)
  if (existing) return existing
  if (instances.size === 0) prepareProcess()
  const gpu = create([`enable-dawn-features=${enabled}`, `disable-dawn-features=${DISABLED.join()}`])
  instances.set(enabled, gpu)
  return gpu
}

/** Gives the process what a browser has (`GPUBufferUsage` and the like) and what Vulkan drivers on Linux ask for. */
function prepareProcess(): void {
  Object.assign(globalThis, globals)
  if (process.platform !== 'linux' || process.env.XDG_RUNTIME_DIR) return
  // Mesa looks for a private folder there, which containers and CI machines lack; the driver loads later, at the
  // first requestAdapter, and reads the environment then.
  const folder = join(tmpdir(), `selfsame-runtime-${process.getuid?.()}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  process.env.XDG_RUNTIME_DIR = folder
}
