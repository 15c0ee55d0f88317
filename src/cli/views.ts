/** `selfsame views`: a contact sheet of images and their views. */
import { statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../device/errors.js'
import type { SheetOptions, Shown } from './contactSheet.js'
import { SHOWN_PRESETS, shownPreset } from './shownPresets.js'

interface ViewsOptions {
  readonly preset: string
  readonly data: string
  readonly out: string
  readonly rows: number
  readonly draws?: number
  readonly seed: number
  readonly size?: number
  readonly limit: number
  readonly strength: number
  readonly blur: boolean
  readonly device: 'auto' | 'webgpu' | 'cpu'
}

/** About so many columns of views, by drawing more than once. */
const COLUMNS = 8

export const viewsCommand = new Command('views')
  .description('Write a contact sheet: images in the first column, their views beside them.')
  .addOption(new Option('--preset <name>', 'whose views').choices(SHOWN_PRESETS).makeOptionMandatory())
  .option('--data <spec>', 'the data set: mnist, cifar10:PATH, folder:PATH, …', 'mnist')
  .option('--out <file>', 'the PNG file', 'views.png')
  .option('--rows <n>', 'images, taken at random', whole(1), 8)
  .option('--draws <n>', `how often each is drawn; by default to fill ${COLUMNS} columns`, whole(1))
  .option('--seed <n>', 'of the images and the draws', whole(0), 0)
  .option('--size <pixels>', "side of a folder's images; by default as for training", whole(8))
  .option('--limit <n>', 'read a random so many images, enough for mean and deviation', whole(1), 1000)
  .option('--strength <s>', "times the preset's own jitter", atLeastZero, 1)
  .option('--no-blur', 'leave blur out')
  .addOption(new Option('--device <name>', 'what computes').choices(['auto', 'webgpu', 'cpu']).default('auto'))
  .action(views)

async function views(options: ViewsOptions): Promise<void> {
  const { out, data, rows, seed, size, strength, blur, preset } = options
  checkTarget(out)
  const { loadData } = await import('../data/loadData.js')
  const { statisticsOf } = await import('../train/session.js')
  const { train } = await loadData(data, {
    limit: Math.max(options.limit, rows),
    seed,
    test: false,
    ...(size !== undefined && { size }),
  })
  const shown = shownPreset(preset, train, { ...statisticsOf(train), strength, blur, seed })
  const draws = options.draws ?? Math.max(1, Math.floor(COLUMNS / shown.plan.structures.length))
  await writeContactSheet(shown, { rows, draws, seed }, options.device, out)
  process.stdout.write(`${out}: ${preset} on ${data}, ${Math.min(rows, shown.dataset.count)} images\n`)
}

/** Draws and carries out the views of a plan on a device, and writes the sheet of them. */
export async function writeContactSheet(
  shown: Shown,
  options: Omit<SheetOptions, 'device'>,
  kind: 'auto' | 'webgpu' | 'cpu',
  out: string,
): Promise<void> {
  const { open } = await import('../open.js')
  const { contactSheet } = await import('./contactSheet.js')
  const { composeSheet, hasFont } = await import('./sheet.js')
  if (!(await hasFont())) console.error('selfsame: no font is installed here, so captions will be boxes')
  const device = await open({ device: kind })
  try {
    writeFileSync(out, await composeSheet(await contactSheet(shown, { ...options, device })))
  } finally {
    await device.close()
  }
}

/** Before anything is read. */
function checkTarget(out: string): void {
  if (!out.toLowerCase().endsWith('.png')) throw new ConfigError(`--out: wants a file that ends in .png, got ${out}`)
  const folder = dirname(out)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`--out: there is no folder ${folder}`)
  }
}

function whole(least: number): (typed: string) => number {
  return typed => {
    const value = Number(typed)
    if (Number.isInteger(value) && value >= least && typed.trim() !== '') return value
    throw new InvalidArgumentError(`It wants a whole number of at least ${least}.`)
  }
}

function atLeastZero(typed: string): number {
  const value = Number(typed)
  if (value >= 0 && Number.isFinite(value) && typed.trim() !== '') return value
  throw new InvalidArgumentError('It wants a number of at least 0.')
}
