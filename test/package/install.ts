import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageFolder } from '../../src/device/cpu/load.js'

/** An empty project with selfsame in its node_modules. */
export interface Installed {
  /** Where the package lies. */
  readonly folder: string
  /** Runs Node in the project, as somebody without settings of ours would. */
  node(args: readonly string[], timeout?: number): SpawnSyncReturns<string>
  /** Runs the program. */
  selfsame(words: string, timeout?: number): SpawnSyncReturns<string>
  remove(): void
}

/**
 * Packs this package, unpacks the tarball into a folder outside the repository and links its runtime dependencies, and
 * those alone, from the repository: what npm would fetch.
 */
export function installPackage(): Installed {
  const project = mkdtempSync(join(tmpdir(), 'selfsame-project-'))
  const modules = join(project, 'node_modules')
  mkdirSync(modules)
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], packageFolder())
  const tarball = readdirSync(project).find(name => name.endsWith('.tgz'))
  assert.ok(tarball, 'npm pack left a tarball')
  run('tar', ['-xzf', tarball], project)
  const folder = join(modules, 'selfsame')
  renameSync(join(project, 'package'), folder)
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(packageFolder(), 'node_modules', name), join(modules, name))
  }
  const node = (args: readonly string[], timeout = 60_000) =>
    spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8', timeout })
  return {
    folder,
    node,
    selfsame: (words, timeout) => node([join(folder, 'bin', 'selfsame.js'), ...words.split(' ')], timeout),
    remove: () => rmSync(project, { recursive: true }),
  }
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}
