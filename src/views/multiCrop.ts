import { ConfigError } from '../device/errors.js'
import { adaptedToGrey } from './grey.js'
import { independentViews, type ViewPlan } from './plan.js'
import { type Adjustable, byolViews, simclrView } from './presets.js'
import type { Range, ViewSpec } from './spec.js'

export interface MultiCropSpecs {
  /** The large views, whose assignments or outputs the others are to predict. */
  readonly global: readonly ViewSpec[]
  /** What the small views are drawn from, of whatever size it says. */
  readonly local: ViewSpec
  readonly localCount: number
  /** Height and width of a small view, in pixels. */
  readonly localSize: number
}

/**
 * Large views, then `localCount` small ones, all of one image (Caron et al. 2020, section 3.2).
 * @throws ConfigError for a number of small views that is not whole
 */
export function multiCrop({ global, local, localCount, localSize }: MultiCropSpecs): ViewPlan {
  if (!Number.isInteger(localCount) || localCount < 0) {
    throw new ConfigError(`multiCrop: localCount wants a whole number, got ${localCount}`)
  }
  const small = { ...local, height: localSize, width: localSize }
  return independentViews([...global, ...Array.from({ length: localCount }, () => small)])
}

export interface MultiCropOptions extends Adjustable {
  readonly localCount: number
  readonly localSize: number
  /** Share of the image's area that large and small crops may have; as published where absent. */
  readonly globalArea?: Range
  readonly localArea?: Range
}

/** A small crop of a digit that shows less than this shows no stroke that could be told from others. */
const LEAST_GREY_LOCAL = 0.2

/**
 * The views of SwAV (Caron et al. 2020; `src/multicropdataset.py`, and the README's command for the sizes): two of 14
 * to 100 % of the area and six of 5 to 14 %, 224 and 96 pixels; SimCLR's colours with s = 1. Grey images: as `viewPair`,
 * small crops of at least 20 %.
 */
export function swavViews(options: MultiCropOptions): ViewPlan {
  // `simclrView` is bicubic, SwAV's code leaves torchvision's bilinear.
  const spec: ViewSpec = { ...simclrView(options), interpolation: 'bilinear' }
  return crops(options, [0.14, 1], [spec, spec], [0.05, 0.14], spec)
}

/**
 * The views of DINO (Caron et al. 2021; `DataAugmentationDINO` in `main_dino.py`): two of 40 to 100 % of the area and
 * eight of 5 to 40 %, 224 and 96 pixels; BYOL's colours, the small ones blurred with probability 1/2. Grey images: as
 * `viewPair`, small crops of at least 20 %.
 */
export function dinoViews(options: MultiCropOptions): ViewPlan {
  const [first, second] = byolViews(options)
  const local = first.blur ? { ...first, blur: { ...first.blur, probability: 0.5 } } : first
  return crops(options, [0.4, 1], [first, second], [0.05, 0.4], local)
}

function crops(
  { mean, localCount, localSize, globalArea, localArea }: MultiCropOptions,
  publishedGlobal: Range,
  global: readonly ViewSpec[],
  publishedLocal: Range,
  local: ViewSpec,
): ViewPlan {
  const sized = (spec: ViewSpec, published: Range, asked: Range | undefined, leastGrey?: number) => {
    const cropped = withArea(spec, published)
    const adapted = mean.length === 1 ? adaptedToGrey(cropped, leastGrey) : cropped
    return asked ? withArea(adapted, asked) : adapted
  }
  return multiCrop({
    global: global.map(spec => sized(spec, publishedGlobal, globalArea)),
    local: sized(local, publishedLocal, localArea, LEAST_GREY_LOCAL),
    localCount,
    localSize,
  })
}

function withArea(spec: ViewSpec, area: Range): ViewSpec {
  return { ...spec, ...(spec.crop && { crop: { ...spec.crop, area } }) }
}
