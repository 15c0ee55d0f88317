import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../errors.js'
import { BUILD_NEEDS, packageFolder } from './load.js'

/** What the tools say when something is not there, and what that is. */
const MISSING: readonly (readonly [said: RegExp, missing: string])[] = [
  [/CMake executable is not found/i, 'CMake is missing'],
  [/needs oneDNN/, 'oneDNN is missing'],
  // Before the compiler: CMake names both when it has nothing to build with.
  [/CMAKE_MAKE_PROGRAM is not set|unable to find a build program/, 'make (or Ninja) is missing'],
  [
    /Compiler toolset is not available|CMAKE_CXX_COMPILER|compiler .* is not able to/,
    'there is no working C++ compiler',
  ],
  [/Could NOT find OpenMP/, 'the C++ compiler has no OpenMP'],
]

// The end of a compiler's output, where the error is.
const LINES = 30

/**
 * Builds the addon of this package with CMake, by cmake-js, which knows Node's headers; does nothing where it is newer
 * than its sources.
 * @throws ConfigError that says what is missing, or what the compiler said
 */
export async function buildAddon(): Promise<void> {
  const cmake = join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js')
  try {
    await promisify(execFile)(process.execPath, [cmake, 'compile'], { cwd: packageFolder(), maxBuffer: 2 ** 28 })
  } catch (cause) {
    const { stdout = '', stderr = '', message } = cause as Error & { stdout?: string; stderr?: string }
    throw new ConfigError(`the CPU device was not built: ${whyNot(stdout + stderr || message)}`, { cause })
  }
}

/** The reason within what the tools printed. */
export function whyNot(output: string): string {
  const missing = MISSING.find(([said]) => said.test(output))?.[1]
  if (missing) return `${missing}. It needs ${BUILD_NEEDS}`
  return `its build ended with\n${output.trimEnd().split('\n').slice(-LINES).join('\n')}`
}
