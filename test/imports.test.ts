import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../src', import.meta.url))

/** What stands left imports what stands right, or its own room; see docs/architecture.md. */
const ROOMS: readonly (readonly string[])[] = [
  ['cli'],
  ['train'],
  ['ssl', 'eval', 'data'],
  ['views', 'nn', 'optim'],
  ['ops'],
  ['tensor'],
  ['device'],
]

interface Imports {
  readonly always: readonly string[]
  /** Those of `import(…)`, which a browser need not reach. */
  readonly later: readonly string[]
}

function importsOf(file: string): Imports {
  const text = readFileSync(file, 'utf8')
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(match => match[1]!)
  return {
    always: found(/^\s*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]/gm),
    later: found(/\bimport\(\s*['"]([^'"]+)['"]/g),
  }
}

/** Every file of ours that `entry` needs before it runs, and what each imports. */
function reachable(entry: string): Map<string, Imports> {
  const seen = new Map<string, Imports>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    const imports = importsOf(file)
    seen.set(file, imports)
    for (const name of imports.always) if (name.startsWith('.')) visit(join(dirname(file), name))
  }
  visit(entry)
  return seen
}

const nameOf = (file: string) => relative(SOURCE, file).split(sep).join('/')

describe('imports', () => {
  it('nothing that a browser loads with the library imports a module of Node or a package', () => {
    const graph = reachable(join(SOURCE, 'index.js'))
    assert.ok(graph.size > 80, `only ${graph.size} files found`)
    for (const [file, { always }] of graph) {
      for (const name of always) assert.match(name, /^\./, `${nameOf(file)} imports ${name}`)
    }
    const later = [...graph].flatMap(([file, imports]) => {
      return imports.later.map(name => nameOf(join(dirname(file), name)))
    })
    for (const name of later) assert.match(name, /^device\/(node|planFile|cpu\/open)\.js$/)
    assert.ok(later.includes('device/node.js'))
  })

  it('go one way only', () => {
    const height = (file: string) => ROOMS.findIndex(rooms => rooms.includes(nameOf(file).split('/')[0]!))
    const files = (readdirSync(SOURCE, { recursive: true }) as string[]).filter(name => name.endsWith('.js'))
    // What an earlier build left behind has no source any more.
    const sources = files.filter(name => existsSync(join(SOURCE, '../../src', name.replace(/js$/, 'ts'))))
    assert.ok(sources.length > 100)
    for (const file of sources.map(name => join(SOURCE, name))) {
      const { always, later } = importsOf(file)
      for (const name of [...always, ...later].filter(each => each.startsWith('.'))) {
        const target = join(dirname(file), name)
        if (height(file) < 0 || height(target) < 0) continue
        assert.ok(height(file) <= height(target), `${nameOf(file)} imports ${nameOf(target)}`)
      }
    }
  })
})
