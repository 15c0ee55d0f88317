/** `selfsame devices`: what there is to compute on. */
import { Command } from 'commander'
import type { DeviceInfo } from '../device/device.js'
import { ConfigError, DeviceError } from '../device/errors.js'
import { type OpenOptions, open } from '../open.js'
import { jsonOption, printResult } from './options.js'

export const devicesCommand = new Command('devices')
  .description('List what there is to compute on: the best hardware adapter, the software one, the native CPU device.')
  .addOption(jsonOption())
  .action(devices)

const CANDIDATES: readonly OpenOptions[] = [{ adapter: 'hardware' }, { adapter: 'software' }, { device: 'cpu' }]

async function devices({ json }: { json?: boolean }): Promise<void> {
  const found: DeviceInfo[] = []
  const reasons: string[] = []
  for (const candidate of CANDIDATES) {
    try {
      const device = await open(candidate)
      found.push(device.info)
      await device.close()
    } catch (error) {
      if (!(error instanceof DeviceError || error instanceof ConfigError)) throw error
      reasons.push(error.message)
    }
  }
  if (found.length === 0) throw new DeviceError(reasons.join('\n'))
  const result = { devices: found.map(info => ({ ...info, features: [...info.features].sort() })) }
  const notBuilt = found.some(({ kind }) => kind === 'cpu') ? [] : [reasons.at(-1)!]
  printResult(result, json, () => [...found.map(describeDevice), ...notBuilt].join('\n\n'))
}

function describeDevice({ kind, name, vendor, driver, software, limits, features }: DeviceInfo): string {
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  // Bindings, workgroups and a processor that plays a GPU are WebGPU's.
  const [what, bindings, shaders] =
    kind === 'cpu'
      ? [kind, '', []]
      : [
          `${kind}, ${software ? 'software' : 'hardware'}`,
          `, ${mebibytes(limits.maxBindingBytes)} a binding`,
          [
            `  shaders     ${limits.maxStorageBuffers} storage buffers, workgroups of ` +
              `${limits.maxWorkgroupInvocations} with ${limits.maxWorkgroupBytes} bytes, ` +
              `grids of ${limits.maxWorkgroupsPerDimension} a dimension`,
          ],
        ]
  return [
    `${name} (${what})`,
    `  vendor      ${vendor}`,
    `  driver      ${driver}`,
    `  buffers     ${mebibytes(limits.maxBufferBytes)}${bindings}`,
    ...shaders,
    `  features    ${[...features].sort().join(', ') || 'none'}`,
  ].join('\n')
}
