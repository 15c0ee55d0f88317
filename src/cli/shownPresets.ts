/** The views that can be looked at by name, each in the size that suits the images. */
import type { Dataset } from '../data/dataset.js'
import { ConfigError } from '../device/errors.js'
import { Generator } from '../tensor/philox.js'
import { colourComponents, exemplarView } from '../views/exemplar.js'
import { jigsaw } from '../views/jigsaw.js'
import { dinoViews, swavViews } from '../views/multiCrop.js'
import { type PatchPairOptions, patchPair } from '../views/patchPair.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import { type Adjustable, supervisedView } from '../views/presets.js'
import { quarterTurns } from '../views/quarterTurns.js'
import { seedPatches } from '../views/seedPatches.js'
import { VIEW_PRESETS, type ViewPreset, viewPair } from '../views/viewPair.js'
import type { Shown } from './contactSheet.js'

export interface ShownOptions {
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly strength: number
  readonly blur: boolean
  readonly seed: number
}

type Pretext = (options: Adjustable, dataset: Dataset) => ViewPlan

const PLANS: Readonly<Record<string, Pretext>> = {
  swav: options => swavViews({ ...options, localCount: 6, localSize: half(options.size) }),
  dino: options => dinoViews({ ...options, localCount: 6, localSize: half(options.size) }),
  rotation: options => quarterTurns(supervisedView(options)),
  context: options =>
    patchPair({ ...patchesOf(options), ...(options.mean.length === 3 && { aberration: 'projection' }) }),
  'context-dropping': options => patchPair({ ...patchesOf(options), aberration: 'dropping' }),
  jigsaw: options => {
    // As the paper's 225 of 256 pixels, in cells of 75 with tiles of 64.
    const cell = Math.floor((options.size * 225) / 256 / 3)
    return jigsaw({ ...options, cell, tile: Math.max(1, Math.floor((cell * 64) / 75)), permutations: 64 })
  },
  exemplar: (options, dataset) =>
    independentViews([exemplarView({ ...options, components: colourComponents(dataset) })]),
}

export const SHOWN_PRESETS: readonly string[] = [...VIEW_PRESETS, ...Object.keys(PLANS)]

/**
 * The views of a name on a data set; those of Exemplar-CNN on its seeds.
 * @throws ConfigError for a name that does not exist, or images that are too small for it
 */
export function shownPreset(name: string, images: Dataset, options: ShownOptions): Shown {
  const dataset = name === 'exemplar' ? seedsOf(images, options.seed) : images
  const adjustable = { ...options, size: dataset.height }
  const make = PLANS[name]
  if (make) return { name, plan: make(adjustable, images), dataset }
  if (!SHOWN_PRESETS.includes(name)) {
    throw new ConfigError(`--preset: there is no ${name}; there are ${SHOWN_PRESETS.join(', ')}`)
  }
  return { name, plan: independentViews(viewPair(name as ViewPreset, adjustable)), dataset }
}

const half = (size: number) => Math.max(1, Math.round(size / 2))

/** The paper's proportions, patches of 28 % of the side, at most its 96 pixels: of 32 pixels patches of 9, gaps of 5. */
function patchesOf({ size, mean, std }: Adjustable): PatchPairOptions {
  const patch = Math.max(2, Math.min(96, Math.round(0.28 * size)))
  const jitter = Math.max(1, Math.round((7 / 96) * patch))
  return {
    patch,
    gap: Math.round(patch / 2),
    jitter,
    mean,
    std,
    pixelate: { probability: 0.33, least: Math.max(2, Math.round(patch / 9.6)) },
  }
}

/** Up to a thousand patches of at most 32 pixels a side, at one and a half times that too where the images allow it. */
function seedsOf(images: Dataset, seed: number): Dataset {
  const { labels, classes, ...rest } = images
  const size = Math.min(32, images.height)
  const scales = 1.5 * size <= images.height ? [1, 1.5] : [1]
  const count = Math.min(1000, Math.ceil(images.count / 2))
  const bytes = seedPatches(images, { count, size, scales, generator: new Generator(seed, 'seeds') })
  return { ...rest, height: size, width: size, count, images: bytes }
}
