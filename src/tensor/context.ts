import type { Device } from '../device/device.js'
import { DeviceError } from '../device/errors.js'
import type { Precision } from '../device/launch.js'

let current: Device | undefined
let precision: Precision = 'float32'

/** The device that new tensors are made on when none is named. */
export function currentDevice(): Device {
  if (current) return current
  throw new DeviceError('no device is open: call `await open()` first, or name one in the options')
}

/** Makes `device` the one for new tensors. The first device that opens is it already. */
export function useDevice(device: Device): void {
  current = device
}

/** Called when a device opens: the first one becomes the current device. */
export function deviceOpened(device: Device): void {
  current ??= device
}

/** Called when a device closes. */
export function deviceClosed(device: Device): void {
  if (current === device) current = undefined
}

/** The precision of the products that are made now. */
export function currentPrecision(): Precision {
  return precision
}

/**
 * What `body`, which must not be asynchronous, returns, with convolutions and matmuls of this precision. Their gradients
 * have the precision of their forward pass, wherever they are taken.
 */
export function withPrecision<T>(wanted: Precision, body: () => T): T {
  const before = precision
  precision = wanted
  try {
    return body()
  } finally {
    precision = before
  }
}
