// The table of all methods under one protocol (recipes/peer) in docs/results.md. Trains each method that has no record
// yet, one after the other, and after each writes its record, the table and the curves: stop it when you like, and go on
// with the same command.
//   node scripts/peer-table.mjs --data folder:CIFAR10 [--methods byol,mae] [--seeds 0,1] [--runs FOLDER]
// Runs that are done in --runs already (`selfsame compare --recipe peer --limit 10000 --out FOLDER` leaves such) are taken
// as they are. Without --data nothing is trained.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { comparisonPage } from '../dist/src/cli/comparison.js'
import { comparisonPicture } from '../dist/src/cli/studyPictures.js'
import { readResult } from '../dist/src/train/curve.js'
import { methodNames } from '../dist/src/train/methods/index.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const SECTION = 'table of all methods'
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    methods: { type: 'string', default: methodNames.join(',') },
    seeds: { type: 'string', default: '0' },
    device: { type: 'string', default: 'cpu' },
    runs: { type: 'string', default: join(root, 'runs/peer') },
    results: { type: 'string', default: join(root, 'docs/results/peer') },
    page: { type: 'string', default: join(root, 'docs/results.md') },
  },
})
const unknown = values.methods.split(',').find(method => !methodNames.includes(method))
if (unknown !== undefined) throw new Error(`there is no method ${unknown}; there are ${methodNames.join(', ')}`)
mkdirSync(values.results, { recursive: true })

const missing = []
for (const method of values.methods.split(',')) {
  for (const seed of values.seeds.split(',')) {
    const name = `${method}-${seed}`
    if (existsSync(join(values.results, `${name}.json`))) continue
    const folder = join(values.runs, name)
    const result = readResult(folder) ?? train(method, seed, folder)
    if (result === undefined) missing.push(name)
    else writeRecord(name, result)
  }
}
rewrite()
if (missing.length > 0) {
  console.error(`without a result: ${missing.join(', ')}`)
  process.exitCode = 1
}

/** One run of the protocol; `undefined` where it failed, which has been said then. */
function train(method, seed, folder) {
  if (values.data === undefined) return undefined
  console.error(`== ${method}, seed ${seed}`)
  const settings = { method, seed, recipe: 'peer', data: values.data, limit: 10000, device: values.device, out: folder }
  const words = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)])
  const { signal } = spawnSync(process.execPath, [join(root, 'bin/selfsame.js'), 'train', ...words, '--resume'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (signal) process.kill(process.pid, signal)
  return readResult(folder)
}

/** All that is known of a run, without where its images were: the same wherever it is read. */
function writeRecord(name, { config, ...result }) {
  const data = `${result.data.split(':')[0]}:CIFAR10`
  const record = { ...result, data, config: { ...config, data } }
  writeFileSync(join(values.results, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`)
  rewrite()
}

/** Table and picture of all records there are. */
function rewrite() {
  const files = readdirSync(values.results).filter(file => file.endsWith('.json'))
  const records = files.sort().map(file => JSON.parse(readFileSync(join(values.results, file), 'utf8')))
  const methods = methodNames
    .map(method => ({ method, runs: records.filter(record => record.method === method) }))
    .filter(({ runs }) => runs.length > 0)
  if (methods.length === 0) return
  writeFileSync(values.page, withSection(readFileSync(values.page, 'utf8'), comparisonPage(methods)))
  const picture = comparisonPicture(methods)
  if (picture !== undefined) writeFileSync(join(values.results, 'curves.svg'), picture)
}

function withSection(page, content) {
  const [begin, end] = [`<!-- ${SECTION} -->`, `<!-- end of ${SECTION} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${values.page} wants '${begin}' and, below it, '${end}'`)
  return `${page.slice(0, from + begin.length)}\n\n${content}\n\n${page.slice(to)}`
}
