// What `npm run demo` runs once everything is set up and built: one SimCLR run on the embedded digits.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const command = 'bin/selfsame.js train --method simclr --data mnist --recipe demo --out runs/demo --overwrite'
const { status, signal, error } = spawnSync(process.execPath, command.split(' '), { cwd: root, stdio: 'inherit' })
if (error) throw error
if (signal) console.error(`demo: the training run was ended by ${signal}`)
process.exitCode = status ?? 1
