import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { whyNot } from '../../../src/device/cpu/build.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

describe('selfsame build-cpu', () => {
  const build = (env: NodeJS.ProcessEnv = process.env) =>
    spawnSync(process.execPath, [join(root, 'bin', 'selfsame.js'), 'build-cpu'], { env, encoding: 'utf8' })

  it('says that the device is ready, and builds nothing that is built already', () => {
    const addon = join(root, 'build', 'Release', 'selfsame.node')
    assert.equal(build().status, 0)
    const { mtimeMs } = statSync(addon)
    const { status, stdout, stderr } = build()
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^the CPU device is ready: .+ \(oneDNN [\d.]+, \d+ threads?\)\n$/)
    assert.equal(statSync(addon).mtimeMs, mtimeMs)
  })

  it('without tools says in one sentence what to install, and leaves what was built', () => {
    const empty = mkdtempSync(join(tmpdir(), 'selfsame-'))
    mkdirSync(join(empty, 'bin'))
    const { status, stdout, stderr } = build({ ...process.env, PATH: join(empty, 'bin') })
    rmSync(empty, { recursive: true })
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^selfsame: the CPU device was not built: .*(missing|no working).* libdnnl-dev.*$/m)
    assert.equal(build().status, 0)
  })

  // What cmake-js 8 and CMake 3.25 say.
  const said: readonly (readonly [output: string, reason: RegExp])[] = [
    ['ERROR OMG CMake executable is not found. Please use your system', /^CMake is missing\. It needs CMake, a C\+\+/],
    ['ERROR OMG C++ Compiler toolset is not available. Install', /^there is no working C\+\+ compiler/],
    ['No CMAKE_CXX_COMPILER could be found.', /^there is no working C\+\+ compiler/],
    [
      'CMAKE_MAKE_PROGRAM is not set.\nCMake Error: CMAKE_CXX_COMPILER not set, after EnableLanguage',
      /^make \(or Ninja\) is missing/,
    ],
    ['  The CPU device needs oneDNN: `apt-get', /^oneDNN is missing.*apt-get.*brew.*vcpkg/],
    ['CMake Error: Could NOT find OpenMP_CXX', /^the C\+\+ compiler has no OpenMP/],
    ['first\nmemory.cc:86: error: wrong\n', /^its build ended with\nfirst\nmemory\.cc:86: error: wrong$/],
  ]
  for (const [output, reason] of said) {
    it(`explains ${JSON.stringify(output.slice(0, 50))}`, () => assert.match(whyNot(output), reason))
  }
})
