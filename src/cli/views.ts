/** `selfsame views`: a contact sheet of images and their views. */
import { statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { DATA_SPECIFICATIONS } from '../data/loadData.js'
import { ConfigError } from '../device/errors.js'
import { methodNames } from '../train/methods/index.js'
import { resolveConfig, usualRecipe } from '../train/recipes.js'
import type { SheetOptions, Shown } from './contactSheet.js'
import { whole } from './options.js'
import { SHOWN_PRESETS, shownPreset } from './shownPresets.js'

interface ViewsOptions {
  readonly method?: string
  readonly recipe?: string
  readonly preset?: string
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
  .addOption(new Option('--method <name>', 'the views that a method is trained with').choices(methodNames))
  .option('--recipe <name>', "settings of the method's views; those that training would take when absent")
  .addOption(new Option('--preset <name>', 'published views, instead of a method').choices(SHOWN_PRESETS))
  .option('--data <spec>', `the data set: ${DATA_SPECIFICATIONS.join(', ')}`, 'mnist')
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
  const { out, data, rows, seed, method, preset } = options
  if ((method === undefined) === (preset === undefined)) {
    throw new ConfigError('views: wants --method or --preset, and not both')
  }
  checkTarget(out)
  const shown = preset === undefined ? await shownMethod(method!, options) : await shownPresetOf(preset, options)
  const draws = options.draws ?? Math.max(1, Math.floor(COLUMNS / shown.plan.structures.length))
  await writeContactSheet(shown, { rows, draws, seed }, options.device, out)
  process.stdout.write(`${out}: ${shown.name} on ${data}, ${Math.min(rows, shown.dataset.count)} images\n`)
}

/** The views of a preset, on images of the data set. */
async function shownPresetOf(preset: string, options: ViewsOptions): Promise<Shown> {
  const { data, rows, seed, size, strength, blur } = options
  const { loadData } = await import('../data/loadData.js')
  const { statisticsOf } = await import('../train/session.js')
  const { train } = await loadData(data, {
    limit: Math.max(options.limit, rows),
    seed,
    test: false,
    ...(size !== undefined && { size }),
  })
  return shownPreset(preset, train, { ...statisticsOf(train), strength, blur, seed })
}

/** The views that training would draw, and the images that it would draw them of. */
async function shownMethod(method: string, options: ViewsOptions): Promise<Shown> {
  const { data, seed, size, limit, rows, device } = options
  const settings = { method, data, seed, device, ...(size !== undefined && { views: { size } }) }
  const recipe = options.recipe ?? usualRecipe(settings)
  const { limit: _, ...config } = resolveConfig(settings, recipe)
  const { loadImages, openSession } = await import('../train/session.js')
  const { createLog } = await import('../train/log.js')
  const log = createLog()
  try {
    const images = await loadImages({ ...config, limit: Math.max(limit, rows) }, log)
    // A batch has to fit into what was read; how large it is changes no view.
    const session = await openSession({ ...config, batch: Math.min(config.batch, images.train.count) }, images)
    await session.close()
    return { name: method, plan: session.method.views, dataset: session.train }
  } finally {
    log.close()
  }
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

function atLeastZero(typed: string): number {
  const value = Number(typed)
  if (value >= 0 && Number.isFinite(value) && typed.trim() !== '') return value
  throw new InvalidArgumentError('It wants a number of at least 0.')
}
