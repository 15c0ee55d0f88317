import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

const SOURCES = 'etc/apt/sources.list.d/debian.sources'
const OWN = 'etc/apt/sources.list.d/selfsame-backports.sources'
const BOOKWORM = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'

/** As the official images of Debian 12 have it. */
const DEBIAN = `Types: deb
# http://snapshot.debian.org/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`
const BACKPORTS = `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`

let root: string

function put(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode: 0o755 })
  }
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(command, args, { cwd: repository, encoding: 'utf8', env: { ...process.env, ...env } })
}

describe('set-up', () => {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'selfsame-setup-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  describe('scripts/backports.mjs: an entry from the mirror that apt already uses', () => {
    const derive = () => run(process.execPath, ['scripts/backports.mjs', root])

    it('copies the paragraph of Debian with another suite', () => {
      put({ [SOURCES]: DEBIAN })
      assert.equal(derive().stdout, BACKPORTS)
    })

    it('keeps a key that is written out, and other fields', () => {
      const key = ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY865UxYJ\n -----END PGP PUBLIC KEY BLOCK-----'
      put({
        [SOURCES]: `URIs: https://mirror.example/debian/\nTypes: deb deb-src\nTrusted: no\nSuites: bookworm\nComponents: contrib main\nSigned-By:\n${key}\n`,
      })
      assert.equal(
        derive().stdout,
        `URIs: https://mirror.example/debian/\nTypes: deb\nTrusted: no\nSuites: bookworm-backports\nComponents: main\nSigned-By: \n${key}\n`,
      )
    })

    it('reads one-line entries and their options', () => {
      put({
        'etc/apt/sources.list': `# comment
deb cdrom:[Debian 12]/ bookworm main
deb-src https://mirror.example/debian bookworm main
deb [ arch=amd64,arm64 signed-by=/usr/share/keyrings/mirror.gpg ] https://mirror.example/debian bookworm main contrib # ours
`,
      })
      assert.equal(
        derive().stdout,
        'Types: deb\nURIs: https://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n' +
          'Architectures: amd64 arm64\nSigned-By: /usr/share/keyrings/mirror.gpg\n',
      )
    })

    it("takes Debian's mirror, not a vendor's that has a suite of the same name", () => {
      put({ 'etc/apt/sources.list.d/a.list': 'deb https://vendor.example bookworm main\n', [SOURCES]: DEBIAN })
      assert.equal(derive().stdout, BACKPORTS)
    })

    it('prints nothing where backports are enabled already', () => {
      for (const [name, text] of [
        ['more.list', 'deb http://mirror.example/debian bookworm-backports main contrib\n'],
        ['more.sources', BACKPORTS],
      ] as const) {
        const path = join('etc/apt/sources.list.d', name)
        put({ [SOURCES]: DEBIAN, [path]: text })
        const { stdout, status } = derive()
        assert.deepEqual([stdout, status], ['', 0], name)
        rmSync(join(root, path))
      }
    })

    it('does not count entries that are switched off', () => {
      put({
        [SOURCES]: `${DEBIAN}\nEnabled: no\n${BACKPORTS}`,
        'etc/apt/sources.list': '# deb http://mirror.example/debian bookworm-backports main\n',
        'etc/apt/sources.list.d/old.list.disabled': 'deb http://mirror.example/debian bookworm-backports main\n',
      })
      assert.equal(derive().stdout, BACKPORTS)
    })

    it('says so where apt knows no mirror', () => {
      put({ 'etc/apt/sources.list': 'deb http://mirror.example/debian trixie main\n' })
      const { stderr, status } = derive()
      assert.match(stderr, /none of apt's sources is a mirror of Debian bookworm/)
      assert.equal(status, 1)
    })
  })

  // Only on Linux does the script install anything; there, an empty list of drivers plays a machine without one.
  if (process.platform === 'linux') {
    describe('scripts/setup.sh', () => {
      /** Runs it with `root` as / and with commands of our own before the real ones; `apt-get` notes what it was told. */
      function setupWithoutDriver(osRelease: string, commands: Record<string, string>) {
        const stubs: Record<string, string> = {}
        const all = { 'apt-get': 'echo "$DEBIAN_FRONTEND: $*" >> "$ROOT/apt.log"', ...commands }
        for (const [name, body] of Object.entries(all)) stubs[`stubs/${name}`] = `#!/bin/bash\n${body}\n`
        put({ 'etc/os-release': osRelease, [SOURCES]: DEBIAN, ...stubs })
        return run('bash', ['scripts/setup.sh', root], {
          ROOT: root,
          PATH: `${join(root, 'stubs')}:${process.env.PATH}`,
          VK_DRIVER_FILES: join(root, 'none.json'),
          VK_ICD_FILENAMES: join(root, 'none.json'),
        })
      }
      const asked = () => readFileSync(join(root, 'apt.log'), 'utf8')
      const asRoot = { id: 'echo 0' }

      it('says one line where everything is there', () => {
        const { stdout, status } = run('bash', ['scripts/setup.sh'])
        assert.match(stdout, /^setup: ready: Node .*, WebGPU adapter .+\n$/)
        assert.equal(status, 0)
      })

      it('installs Mesa from backports on Debian 12, and fails where Dawn still finds no adapter', () => {
        const { stderr, status } = setupWithoutDriver(BOOKWORM, asRoot)
        assert.equal(readFileSync(join(root, OWN), 'utf8'), BACKPORTS)
        assert.match(asked(), /^noninteractive: -y \S+ \S+ update\n/)
        assert.match(
          asked(),
          / install --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1\n$/,
        )
        assert.match(stderr, /Dawn still finds no adapter that it accepts/)
        assert.equal(status, 1)
      })

      it('installs the plain packages on newer systems', () => {
        setupWithoutDriver('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=zena\n', asRoot)
        assert.match(asked(), / install --no-install-recommends mesa-vulkan-drivers libvulkan1\n$/)
        assert.ok(!existsSync(join(root, OWN)))
      })

      it('takes its entry back when apt-get fails', () => {
        const { stderr, status } = setupWithoutDriver(BOOKWORM, {
          ...asRoot,
          'apt-get': 'echo E: broken >&2; exit 100',
        })
        assert.match(stderr, /E: broken[\s\S]*apt-get could not install mesa-vulkan-drivers libvulkan1/)
        assert.equal(status, 1)
        assert.deepEqual(readdirSync(join(root, 'etc/apt/sources.list.d')), ['debian.sources'])
      })

      it('goes through sudo where it is not root', () => {
        const { stderr } = setupWithoutDriver(BOOKWORM, {
          id: 'echo 1000',
          sudo: 'printf "%s\\n" "$1" >> "$ROOT/sudo.log"; [ "$1" = -n ] || exec "$@"',
        })
        assert.equal(readFileSync(join(root, 'sudo.log'), 'utf8'), '-n\ntee\nenv\nenv\n', stderr)
      })

      it('names the packages where it can be neither, and changes nothing', () => {
        const { stderr, status } = setupWithoutDriver(BOOKWORM, { id: 'echo 1000', sudo: 'exit 1' })
        assert.match(stderr, /apt-get install --no-install-recommends -t bookworm-backports mesa-vulkan-drivers/)
        assert.ok(stderr.includes(BACKPORTS), stderr)
        assert.equal(status, 1)
        assert.ok(!existsSync(join(root, OWN)) && !existsSync(join(root, 'apt.log')))
      })

      it('names the packages on a system without apt', () => {
        const { stderr, status } = setupWithoutDriver('ID=fedora\nVERSION_ID=42\n', asRoot)
        assert.match(stderr, /no WebGPU adapter was found; install .* \(Fedora: mesa-vulkan-drivers/)
        assert.equal(status, 1)
      })
    })
  }
})
