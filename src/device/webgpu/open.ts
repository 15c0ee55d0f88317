import type { DeviceInfo, Limits } from '../device.js'
import { DeviceError } from '../errors.js'
import { WebGPUDevice } from './device.js'
import { kernels } from './kernels.generated.js'
import { type SubgroupInfo, subgroupMatrixOf } from './subgroupMatrix.js'
import type { PlanCache } from './tuner.js'

export interface WebGPUOptions {
  /** The browser's `navigator.gpu`, or what `device/node.ts` makes of Dawn. */
  readonly gpu: GPU
  /** `hardware` refuses a software adapter; `software` asks for one. Otherwise the best there is. */
  readonly adapter?: 'hardware' | 'software'
  /** `minimum` behaves like a device that offers no more than WebGPU guarantees. */
  readonly limits?: 'adapter' | 'minimum'
  /**
   * Whether a recording times the plans of shapes that are new, where several give the same results, and takes the
   * fastest. By default on hardware with timestamp queries.
   */
  readonly tune?: boolean
  /** Where what was found is kept, for a device of this name, driver and kernels; nowhere when absent. */
  readonly planCache?: (info: DeviceInfo, kernels: string) => PlanCache
}

// The last is of Chromium's Dawn, where unsafe APIs are allowed; kernels use it only for products in float16.
const FEATURES = ['shader-f16', 'timestamp-query', 'subgroups', 'chromium-experimental-subgroup-matrix']

/** Listed beside `subgroups` where every subgroup has at least 32 invocations: what planners that shuffle want to know. */
const WIDE_SUBGROUPS = 'subgroups-32'

/** WebGPU's guaranteed limits. https://www.w3.org/TR/webgpu/#limits */
export const MINIMUM_LIMITS: Limits = {
  maxBindingBytes: 128 * 2 ** 20,
  maxBufferBytes: 256 * 2 ** 20,
  maxStorageBuffers: 8,
  maxWorkgroupInvocations: 256,
  maxWorkgroupBytes: 16_384,
  maxWorkgroupsPerDimension: 65_535,
}

/** @throws DeviceError when no adapter of the wanted kind answers. */
export async function openWebGPU(options: WebGPUOptions): Promise<WebGPUDevice> {
  const adapter = await findAdapter(options)
  const minimum = options.limits === 'minimum'
  const features = minimum ? [] : FEATURES.filter(name => adapter.features.has(name))
  const wide = features.includes('subgroups') && (adapter.info.subgroupMinSize ?? 0) >= 32
  const offered = adapter.limits
  const gpu = await adapter.requestDevice({
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: minimum
      ? {}
      : {
          maxBufferSize: offered.maxBufferSize,
          maxStorageBufferBindingSize: offered.maxStorageBufferBindingSize,
          maxStorageBuffersPerShaderStage: offered.maxStorageBuffersPerShaderStage,
          maxComputeInvocationsPerWorkgroup: offered.maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupSizeX: offered.maxComputeWorkgroupSizeX,
          maxComputeWorkgroupSizeY: offered.maxComputeWorkgroupSizeY,
          maxComputeWorkgroupStorageSize: offered.maxComputeWorkgroupStorageSize,
        },
  })
  const known = wide ? [...features, WIDE_SUBGROUPS] : features
  const info = describe(adapter, minimum ? MINIMUM_LIMITS : limitsOf(gpu.limits), known)
  const device = new WebGPUDevice(gpu, info, subgroupMatrixOf(adapter.info as SubgroupInfo, info.features))
  const { tune = !info.software && info.features.has('timestamp-query'), planCache } = options
  if (tune) await device.tunePlans(planCache?.(info, Object.values(kernels).join('\n')))
  return device
}

async function findAdapter({ gpu, adapter: wanted }: WebGPUOptions): Promise<GPUAdapter> {
  const best = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!best) {
    throw new DeviceError(
      'no WebGPU adapter was found; on Debian and Ubuntu `bash scripts/setup.sh` installs a software one (mesa-vulkan-drivers)',
    )
  }
  if (wanted === 'hardware' && isSoftware(best)) {
    throw new DeviceError(`wanted a hardware adapter, found only ${nameOf(best)}`)
  }
  if (wanted === 'software' && !isSoftware(best)) {
    const fallback = await gpu.requestAdapter({ forceFallbackAdapter: true })
    if (!fallback) throw new DeviceError(`wanted a software adapter, found only ${nameOf(best)}`)
    return fallback
  }
  return best
}

function describe(adapter: GPUAdapter, limits: Limits, features: readonly string[]): DeviceInfo {
  return {
    kind: 'webgpu',
    name: nameOf(adapter),
    vendor: adapter.info.vendor,
    driver: adapter.info.description,
    software: isSoftware(adapter),
    limits,
    features: new Set(features),
  }
}

function nameOf({ info }: GPUAdapter): string {
  return info.device || info.description || `${info.vendor} ${info.architecture}`
}

function isSoftware({ info }: GPUAdapter): boolean {
  const names = `${info.architecture} ${info.device} ${info.description}`
  return info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|softpipe|basic render|software/i.test(names)
}

function limitsOf(limits: GPUSupportedLimits): Limits {
  return {
    maxBindingBytes: Number(limits.maxStorageBufferBindingSize),
    maxBufferBytes: Number(limits.maxBufferSize),
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxWorkgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  }
}
