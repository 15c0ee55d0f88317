import type { Compilation, Slice } from '../device.js'
import { DeviceError } from '../errors.js'
import type { Kernel } from './kernel.js'
import type { GPUMemory, WebGPUBuffer } from './memory.js'

/** Every dispatch's parameters lie in a slot of their own; 256 is the largest offset alignment a device may want. */
export const PARAMS_SLOT = 256

// A training step of ResNet-50 has some thousand dispatches; eager code over changing shapes must not grow for ever.
const MAX_BIND_GROUPS = 16_384

/** Pipelines by kernel text, bind groups by layout and memory: nothing is made twice. */
export class Pipelines {
  private readonly pipelines = new Map<string, GPUComputePipeline>()
  private readonly compiling = new Map<string, Promise<GPUComputePipeline>>()
  private readonly layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>()
  private readonly groups = new Map<string, { group: GPUBindGroup; memories: number[] }>()
  private readonly paramsLayout: GPUBindGroupLayout
  private readonly compiled = new BusyTime()

  constructor(private readonly gpu: GPUDevice) {
    this.paramsLayout = gpu.createBindGroupLayout({
      entries: [{ binding: 0, visibility: 4, buffer: { type: 'uniform', hasDynamicOffset: true } }],
    })
  }

  has(kernel: Kernel): boolean {
    return this.pipelines.has(kernel.key)
  }

  /** Compiles now, on this thread. */
  get(kernel: Kernel): GPUComputePipeline {
    let pipeline = this.pipelines.get(kernel.key)
    if (!pipeline) {
      const end = this.compiled.begin()
      pipeline = this.gpu.createComputePipeline(this.describe(kernel))
      end()
      this.pipelines.set(kernel.key, pipeline)
    }
    return pipeline
  }

  /** Compiles in the background, side by side with others. */
  prepare(kernel: Kernel): Promise<unknown> {
    if (this.pipelines.has(kernel.key)) return Promise.resolve()
    let promise = this.compiling.get(kernel.key)
    if (!promise) {
      promise = this.compile(kernel).finally(() => this.compiling.delete(kernel.key))
      this.compiling.set(kernel.key, promise)
    }
    return promise
  }

  compilation(): Compilation {
    return { pipelines: this.pipelines.size, ms: this.compiled.ms }
  }

  private async compile(kernel: Kernel): Promise<GPUComputePipeline> {
    const end = this.compiled.begin()
    try {
      const pipeline = await this.gpu.createComputePipelineAsync(this.describe(kernel))
      this.pipelines.set(kernel.key, pipeline)
      return pipeline
    } catch (error) {
      throw new DeviceError(`kernel ${kernel.key} does not compile: ${(error as Error).message}`, { cause: error })
    } finally {
      end()
    }
  }

  bindGroup(kernel: Kernel, bindings: readonly Slice[]): GPUBindGroup {
    const access = accessOf(kernel)
    let key = access
    for (const { buffer, offset, bytes } of bindings) key += `/${(buffer as WebGPUBuffer).memory.id},${offset},${bytes}`
    const found = this.groups.get(key)
    if (found) return found.group
    const group = this.gpu.createBindGroup({
      layout: this.layoutOf(access, kernel).group,
      entries: bindings.map(({ buffer, offset, bytes }, binding) => ({
        binding,
        resource: { buffer: (buffer as WebGPUBuffer).memory.gpu, offset, size: Math.ceil(bytes / 4) * 4 },
      })),
    })
    if (this.groups.size >= MAX_BIND_GROUPS) this.groups.delete(this.groups.keys().next().value!)
    this.groups.set(key, { group, memories: bindings.map(({ buffer }) => (buffer as WebGPUBuffer).memory.id) })
    return group
  }

  paramsGroup(buffer: GPUBuffer): GPUBindGroup {
    return this.gpu.createBindGroup({
      layout: this.paramsLayout,
      entries: [{ binding: 0, resource: { buffer, size: PARAMS_SLOT } }],
    })
  }

  /** Bind groups of memory that is gone. */
  drop(memory: GPUMemory): void {
    for (const [key, { memories }] of this.groups) if (memories.includes(memory.id)) this.groups.delete(key)
  }

  private describe(kernel: Kernel): GPUComputePipelineDescriptor {
    const module = this.gpu.createShaderModule({ label: kernel.key, code: kernel.source })
    const layout = this.layoutOf(accessOf(kernel), kernel).pipeline
    return { label: kernel.key, layout, compute: { module, entryPoint: 'main' } }
  }

  private layoutOf(access: string, kernel: Kernel) {
    let layout = this.layouts.get(access)
    if (!layout) {
      const group = this.gpu.createBindGroupLayout({
        entries: kernel.writes.map((write, binding) => ({
          binding,
          visibility: 4,
          buffer: { type: write ? ('storage' as const) : ('read-only-storage' as const) },
        })),
      })
      const pipeline = this.gpu.createPipelineLayout({ bindGroupLayouts: [group, this.paramsLayout] })
      layout = { group, pipeline }
      this.layouts.set(access, layout)
    }
    return layout
  }
}

/** Time in which at least one of several things goes on. */
class BusyTime {
  private under = 0
  private since = 0
  private total = 0

  /** @returns what to call at the end */
  begin(): () => void {
    if (this.under++ === 0) this.since = performance.now()
    return () => {
      if (--this.under === 0) this.total += performance.now() - this.since
    }
  }

  get ms(): number {
    return this.total
  }
}

function accessOf(kernel: Kernel): string {
  return kernel.writes.map(write => (write ? 'w' : 'r')).join('')
}
