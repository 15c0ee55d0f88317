/** `selfsame bench`: measures ops and training steps, beside the peers that are installed. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import type { BenchmarkRecord } from '../../bench/record.js'
import { SUITES, type Suite } from '../../bench/suites.js'
import { ConfigError } from '../device/errors.js'
import { createLog } from '../train/log.js'
import { printResult } from './options.js'

interface BenchOptions {
  readonly suite: Suite
  readonly filter?: string
  readonly device: 'auto' | 'webgpu' | 'cpu'
  readonly adapter?: 'hardware' | 'software'
  readonly peers: string | true
  readonly json?: string | true
  readonly compare?: string
  readonly html?: string
  readonly results?: string
  readonly requireHardware?: boolean
}

export const benchCommand = new Command('bench')
  .description('Measure ops and training steps on this machine, side by side with other libraries where they are.')
  .addOption(
    new Option(
      '--suite <name>',
      'what is measured; gpu: sizes that fill one; gpu-tiny: the same cases, to see them run',
    )
      .choices(SUITES)
      .default('ops'),
  )
  .option('--filter <expression>', 'only cases whose name matches, for example conv2d or "matmul 512"')
  .addOption(new Option('--device <name>', 'what computes').choices(['auto', 'webgpu', 'cpu']).default('auto'))
  .addOption(new Option('--adapter <kind>', 'which WebGPU adapter').choices(['hardware', 'software']))
  .option('--peers [names]', 'tfjs-webgpu, tfjs-wasm, jax-js, torch, torch-autocast with commas, all, or none', 'all')
  .option('--json [file]', 'write the record to a file; without one, to the last line of stdout')
  .option('--compare <file>', 'say what changed since that record; exit code 1 where a case takes over 10 % longer')
  .option('--html <file>', 'write a report to look at')
  .option('--results <folder>', 'write record, table and report there, named after the adapter, or cpu')
  .option('--require-hardware', 'refuse to measure on a software adapter or the CPU')
  .action(bench)

async function bench(options: BenchOptions, command: Command): Promise<void> {
  const { suite, device, adapter, json, compare, html, results, requireHardware = false } = options
  const { runBenchmark } = await import('../../bench/run.js')
  const { peerNames } = await import('../../bench/peers/open.js')
  const { readRecord } = await import('../../bench/record.js')
  // Everything that can be wrong is found before the first measurement.
  const filter = options.filter === undefined ? undefined : expression(options.filter)
  const peers = peerNames(options.peers === true ? 'all' : options.peers)
  const before = compare === undefined ? undefined : readRecord(compare)
  const log = createLog()
  const record = await runBenchmark({
    suite,
    device,
    peers,
    requireHardware,
    version: command.parent?.version() ?? '',
    log,
    ...(filter && { filter }),
    ...(adapter && { adapter }),
  }).finally(() => log.close())

  if (typeof json === 'string') writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`)
  if (html !== undefined) {
    const { reportPage } = await import('../../bench/html.js')
    writeFileSync(html, reportPage(record))
  }
  if (results !== undefined) await writeResults(results, record)
  const { describeRecord } = await import('../../bench/text.js')
  const { compareRecords, describeComparison, wantNoRegression } = await import('../../bench/compare.js')
  const comparison = before && compareRecords(before, record)
  const changes = comparison ? `\n\n${describeComparison(comparison, compare!)}` : ''
  if (json === true && changes !== '') console.error(changes.trim())
  printResult(record, json === true, () => describeRecord(record) + changes)
  if (comparison) wantNoRegression(comparison, compare!)
}

/** ADAPTER.json, ADAPTER.md and ADAPTER.html. */
async function writeResults(folder: string, record: BenchmarkRecord): Promise<void> {
  const { reportPage } = await import('../../bench/html.js')
  const { markdownPage } = await import('../../bench/markdown.js')
  // What follows is the compiler of a software adapter: it is in the record as part of the driver.
  const [adapter] = record.adapter.toLowerCase().split(/\W*llvm\W/)
  const name = record.device === 'cpu' ? 'cpu' : adapter!.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  mkdirSync(folder, { recursive: true })
  const write = (extension: string, text: string) => writeFileSync(join(folder, `${name}.${extension}`), text)
  write('json', `${JSON.stringify(record, null, 2)}\n`)
  write('md', markdownPage(record))
  write('html', reportPage(record))
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, 'i')
  } catch (error) {
    throw new ConfigError(`--filter: '${text}' is no regular expression`, { cause: error })
  }
}
