// Prints the apt entry (deb822) that adds bookworm-backports from the mirror which the machine already uses: the entry
// of Debian bookworm with another suite, so that address, key, architectures and trust stay as they are.
//   node scripts/backports.mjs [ROOT]
// Prints nothing where backports are enabled already; fails where apt knows no Debian bookworm mirror.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SUITE = 'bookworm'
const BACKPORTS = 'bookworm-backports'
/** One-line options whose deb822 field has another name; the others are spelled alike. See sources.list(5). */
const FIELDS = { arch: 'architectures', lang: 'languages', target: 'targets' }

/** `deb [signed-by=KEY] URI SUITE COMPONENT…` → `{ types, uris, suites, components, 'signed-by' }` */
function parseLine(line) {
  const match = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?([^\s#]+)\s+([^\s#]+)([^#]*)/.exec(line)
  if (!match) return []
  const [, types, options = '', uris, suites, components] = match
  const entry = { types, uris, suites, components: components.trim() }
  for (const [, name, value] of options.matchAll(/([\w-]+)=(\S+)/g)) {
    entry[FIELDS[name] ?? name] = value.replaceAll(',', ' ')
  }
  return [entry]
}

/** `Field: value` lines, continued by indented ones, in paragraphs divided by empty lines. Field names in lower case. */
function parseParagraphs(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, '')
  return withoutComments.split(/\n\s*\n/).flatMap(paragraph => {
    const fields = [...paragraph.matchAll(/^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm)]
    return fields.length > 0 ? [Object.fromEntries(fields.map(([, name, value]) => [name.toLowerCase(), value]))] : []
  })
}

function readEntries(root) {
  const folder = join(root, 'etc/apt/sources.list.d')
  const inFolder = existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : []
  return [join(root, 'etc/apt/sources.list'), ...inFolder].filter(existsSync).flatMap(path => {
    if (path.endsWith('.list')) return readFileSync(path, 'utf8').split('\n').flatMap(parseLine)
    if (path.endsWith('.sources')) return parseParagraphs(readFileSync(path, 'utf8'))
    return []
  })
}

const words = (text = '') => text.trim().split(/\s+/)
const sameMirror = (a, b) => words(a.uris)[0].replace(/\/$/, '') === words(b.uris)[0].replace(/\/$/, '')

const entries = readEntries(process.argv[2] ?? '/').filter(
  ({ types, components, enabled = 'yes' }) =>
    words(types).includes('deb') && words(components).includes('main') && enabled.trim() !== 'no',
)
const serving = suite => entries.filter(({ suites }) => words(suites).includes(suite))

/** Other vendors name their suites after Debian's releases too; only Debian's mirrors have all three of these marks. */
function marksOfDebian(entry) {
  const updates = serving(`${SUITE}-updates`).some(other => sameMirror(entry, other))
  const key = (entry['signed-by'] ?? '').includes('debian-archive')
  const path = words(entry.uris).every(uri => /\/debian\/?$/.test(uri))
  return Number(updates) + Number(key) + Number(path)
}

const [mirror] = serving(SUITE)
  .filter(({ uris }) => !uris.startsWith('cdrom:'))
  .sort((a, b) => marksOfDebian(b) - marksOfDebian(a))

if (serving(BACKPORTS).length === 0) {
  if (!mirror) {
    console.error(`setup: none of apt's sources is a mirror of Debian ${SUITE} with the component main; add one`)
    process.exit(1)
  }
  const entry = { ...mirror, types: 'deb', suites: BACKPORTS, components: 'main' }
  const title = name => name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase()).replace('Uris', 'URIs')
  for (const [name, value] of Object.entries(entry)) console.log(`${title(name)}: ${value}`)
}
