import type { Device } from './device/device.js'
import { ConfigError } from './device/errors.js'
import { openWebGPU } from './device/webgpu/open.js'
import { deviceClosed, deviceOpened } from './tensor/context.js'

export interface OpenOptions {
  /** `auto` takes a hardware WebGPU adapter, then a software one. */
  readonly device?: 'auto' | 'webgpu' | 'cpu'
  readonly adapter?: 'hardware' | 'software'
  /** `minimum`: no more than every WebGPU device offers. */
  readonly limits?: 'adapter' | 'minimum'
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
  if (options.device === 'cpu') {
    throw new ConfigError(
      'device cpu: this version has no native CPU device yet; use --device webgpu with a software adapter',
    )
  }
  const { adapter, limits } = options
  const gpu = options.gpu ?? (await findGPU())
  const device = await openWebGPU({ gpu, ...(adapter && { adapter }), ...(limits && { limits }) })
  deviceOpened(device)
  const close = device.close.bind(device)
  device.close = async () => {
    deviceClosed(device)
    await close()
  }
  return device
}

async function findGPU(): Promise<GPU> {
  const inBrowser = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (inBrowser) return inBrowser
  const { dawn } = await import('./device/node.js')
  return dawn()
}
