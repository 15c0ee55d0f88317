/** `selfsame build-cpu`: builds the native CPU device on this machine. */
import { Command } from 'commander'

export const buildCPUCommand = new Command('build-cpu')
  .description('Build the native CPU device of this package; needs CMake, a C++ compiler and oneDNN.')
  .action(buildCPU)

async function buildCPU(): Promise<void> {
  const { buildAddon } = await import('../device/cpu/build.js')
  const { openCPU } = await import('../device/cpu/open.js')
  console.error('building the CPU device: a minute or two')
  await buildAddon()
  const device = await openCPU()
  await device.close()
  console.log(`the CPU device is ready: ${device.info.name} (${device.info.driver})`)
}
