/** `selfsame devices`: what there is to compute on. */
import { Command } from 'commander'
import type { DeviceInfo } from '../device/device.js'
import { DeviceError } from '../device/errors.js'
import { open } from '../open.js'
import { jsonOption, printResult } from './options.js'

export const devicesCommand = new Command('devices')
  .description('List the adapters of this machine: the best hardware one and the software one.')
  .addOption(jsonOption())
  .action(devices)

async function devices({ json }: { json?: boolean }): Promise<void> {
  const found: DeviceInfo[] = []
  const reasons: string[] = []
  for (const adapter of ['hardware', 'software'] as const) {
    try {
      const device = await open({ adapter })
      found.push(device.info)
      await device.close()
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      reasons.push(error.message)
    }
  }
  if (found.length === 0) throw new DeviceError(reasons[0]!)
  const result = { devices: found.map(info => ({ ...info, features: [...info.features].sort() })) }
  printResult(result, json, () => found.map(describeDevice).join('\n\n'))
}

function describeDevice({ kind, name, vendor, driver, software, limits, features }: DeviceInfo): string {
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  return [
    `${name} (${kind}, ${software ? 'software' : 'hardware'})`,
    `  vendor      ${vendor}`,
    `  driver      ${driver}`,
    `  buffers     ${mebibytes(limits.maxBufferBytes)}, ${mebibytes(limits.maxBindingBytes)} a binding`,
    `  shaders     ${limits.maxStorageBuffers} storage buffers, workgroups of ${limits.maxWorkgroupInvocations} with ` +
      `${limits.maxWorkgroupBytes} bytes, grids of ${limits.maxWorkgroupsPerDimension} a dimension`,
    `  features    ${[...features].sort().join(', ') || 'none'}`,
  ].join('\n')
}
