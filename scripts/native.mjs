// Builds the native CPU device where its tools are; without them everything else works, on WebGPU.
//   node scripts/native.mjs            says in one sentence why not, and succeeds
//   node scripts/native.mjs --must     fails then
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'cmake-js', 'compile'], {
  cwd: root,
  encoding: 'utf8',
})
if (status !== 0) {
  const reason = /The CPU device needs oneDNN[^.]*\./.exec(stderr + stdout)?.[0]
  if (!reason) process.stderr.write(stdout + stderr)
  console.error(`native: the CPU device was not built; WebGPU works without it. ${reason ?? 'The messages are above.'}`)
  if (process.argv.includes('--must')) process.exitCode = 1
}
