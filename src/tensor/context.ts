import type { Device } from '../device/device.js'
import { DeviceError } from '../device/errors.js'

let current: Device | undefined

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
