import type { Device } from './device/device.js'
import { ConfigError, DeviceError } from './device/errors.js'
import { openWebGPU, type WebGPUOptions } from './device/webgpu/open.js'
import { deviceClosed, deviceOpened } from './tensor/context.js'

export interface OpenOptions {
  /** `auto` takes a hardware WebGPU adapter, then the native CPU device, then a software adapter. */
  readonly device?: 'auto' | 'webgpu' | 'cpu'
  readonly adapter?: 'hardware' | 'software'
  /** `minimum`: no more than every WebGPU device offers. */
  readonly limits?: 'adapter' | 'minimum'
  /**
   * Whether a recorded step times the plans of its products, where several give the same bits, and takes the fastest:
   * once a shape, kept in the user's cache folder. By default on hardware; in Node SELFSAME_TUNE=0 and 1 say otherwise.
   */
  readonly tune?: boolean
  /** A `GPU` object of your own; by default the browser's, and in Node Dawn's. */
  readonly gpu?: GPU
}

/**
 * Opens a device. The first one becomes the device that `tensor`, `zeros` and modules use when none is named.
 * Whoever opens it closes it: `await device.close()`.
 *
 * @throws ConfigError for a device that is not there, DeviceError when no adapter answers.
 */
export async function open(options: OpenOptions = {}): Promise<Device> {
  const device = await openKind(options)
  deviceOpened(device)
  const close = device.close.bind(device)
  device.close = async () => {
    deviceClosed(device)
    await close()
  }
  return device
}

async function openKind({ device = 'auto', adapter, limits, gpu, tune }: OpenOptions): Promise<Device> {
  if (device === 'cpu') {
    if (adapter || limits || gpu || tune)
      throw new ConfigError('device cpu: adapter, limits, gpu and tune are of WebGPU; leave them out')
    return openNative()
  }
  const webgpu = async (kind = adapter) =>
    openWebGPU({
      gpu: gpu ?? (await findGPU()),
      ...(kind && { adapter: kind }),
      ...(limits && { limits }),
      ...(await tuningOf(tune)),
    })
  if (device === 'webgpu' || adapter || limits || gpu || gpuOfBrowser()) return webgpu()
  try {
    return await webgpu('hardware')
  } catch (noHardware) {
    if (!(noHardware instanceof DeviceError)) throw noHardware
  }
  try {
    return await openNative()
  } catch (notBuilt) {
    if (!(notBuilt instanceof ConfigError)) throw notBuilt
    return webgpu()
  }
}

async function openNative(): Promise<Device> {
  const { openCPU } = await import('./device/cpu/open.js')
  return openCPU()
}

async function findGPU(): Promise<GPU> {
  const inBrowser = gpuOfBrowser()
  if (inBrowser) return inBrowser
  const { dawn } = await import('./device/node.js')
  return dawn()
}

/** In a browser what is found is forgotten with the page. */
async function tuningOf(tune: boolean | undefined): Promise<Pick<WebGPUOptions, 'tune' | 'planCache'>> {
  if (gpuOfBrowser()) return { ...(tune !== undefined && { tune }) }
  const { planFile, wantsTuning } = await import('./device/planFile.js')
  const wanted = tune ?? wantsTuning()
  return { planCache: planFile, ...(wanted !== undefined && { tune: wanted }) }
}

function gpuOfBrowser(): GPU | undefined {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
}
