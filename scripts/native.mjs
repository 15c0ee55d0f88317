// Builds the native CPU device where its tools are; without them everything else works, on WebGPU.
//   node scripts/native.mjs            says why not, and succeeds
//   node scripts/native.mjs --must     fails then
import { buildAddon } from '../dist/src/device/cpu/build.js'

try {
  await buildAddon()
} catch (error) {
  console.error(`native: ${error.message}\nWebGPU works without it.`)
  if (process.argv.includes('--must')) process.exitCode = 1
}
