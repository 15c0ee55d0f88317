// What `npm run demo` runs once everything is set up and built: one SimCLR run on the embedded digits, with a smaller
// network and fewer epochs where only a software adapter is there.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from '../dist/src/index.js'

const device = await open()
const recipe = device.info.software ? 'demo-software' : 'demo'
await device.close()

const root = fileURLToPath(new URL('..', import.meta.url))
const command = `bin/selfsame.js train --method simclr --data mnist --recipe ${recipe} --out runs/demo --overwrite`
const { status, signal, error } = spawnSync(process.execPath, command.split(' '), { cwd: root, stdio: 'inherit' })
if (error) throw error
if (signal) console.error(`demo: the training run was ended by ${signal}`)
process.exitCode = status ?? 1
