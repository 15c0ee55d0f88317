// What `npm run demo` runs once everything is set up and built: one SimCLR run on the embedded digits, with a smaller
// network and fewer epochs on a software adapter. `npm run demo -- --device webgpu` asks for another device than auto.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { open } from '../dist/src/index.js'

const given = process.argv.slice(2)
const { values } = parseArgs({
  args: given,
  strict: false,
  options: { device: { type: 'string' }, adapter: { type: 'string' } },
})
const device = await open(values)
const recipe = device.info.software ? 'demo-software' : 'demo'
await device.close()

const root = fileURLToPath(new URL('..', import.meta.url))
const command = `bin/selfsame.js train --method simclr --data mnist --recipe ${recipe} --out runs/demo --overwrite`
const { status, signal, error } = spawnSync(process.execPath, [...command.split(' '), ...given], {
  cwd: root,
  stdio: 'inherit',
})
if (error) throw error
if (signal) console.error(`demo: the training run was ended by ${signal}`)
process.exitCode = status ?? 1
