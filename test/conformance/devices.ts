import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'

/** The devices that every op is held against the float64 reference on. */
export const devices: readonly { name: string; open: () => Promise<Device> }[] = [
  { name: 'webgpu', open: () => open({ device: 'webgpu' }) },
  // A software adapter may offer more than the portable limits; plans must also do without.
  { name: 'webgpu-minimum-limits', open: () => open({ device: 'webgpu', limits: 'minimum' }) },
  { name: 'cpu', open: () => open({ device: 'cpu' }) },
]
