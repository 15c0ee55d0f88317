import { ConfigError } from '../device/errors.js'
import { adaptedToGrey } from './grey.js'
import {
  type Adjustable,
  type Basics,
  byolViews,
  meanTeacherView,
  mocoV1View,
  mocoV2View,
  npidView,
  peerView,
  simclrView,
  supervisedView,
} from './presets.js'
import type { Range, ViewSpec } from './spec.js'

export interface ViewOptions extends Basics {
  /** Times the preset's own jitter; 1 unless said otherwise. `peer` and what has no jitter stay as they are. */
  readonly strength?: number
  /** `false` leaves the preset's blur out. */
  readonly blur?: boolean
  /** Share of the image's area that a crop may have; a preset without a crop gets one. */
  readonly area?: Range
  /** Probability of a flip. */
  readonly flip?: number
}

/** The published views, by name. One function for both sides, or the two sides of an asymmetric pair. */
const PRESETS = {
  simclr: simclrView,
  npid: npidView,
  'moco-v1': mocoV1View,
  'moco-v2': mocoV2View,
  simsiam: mocoV2View,
  byol: byolViews,
  barlow: byolViews,
  vicreg: byolViews,
  supervised: supervisedView,
  'mean-teacher': meanTeacherView,
  peer: peerView,
} satisfies Record<string, (options: Adjustable) => ViewSpec | [ViewSpec, ViewSpec]>

export type ViewPreset = keyof typeof PRESETS

export const VIEW_PRESETS = Object.keys(PRESETS) as readonly ViewPreset[]

/**
 * The two views of a published method with what the options change of them; a symmetric method's are the same object.
 *
 * For grey images the published views are adapted, because the papers have none: no flip (it makes another digit of a
 * digit), crops of at least 40 % of the area, and no saturation, hue or greyscale. `peer` has grey views of its own.
 *
 * @throws ConfigError for a preset that does not exist
 */
export function viewPair(preset: ViewPreset, options: ViewOptions): readonly [ViewSpec, ViewSpec] {
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new ConfigError(`there is no view preset '${preset}'; there are ${VIEW_PRESETS.join(', ')}`)
  }
  const { strength = 1, blur = true, mean } = options
  const views: ViewSpec | [ViewSpec, ViewSpec] = PRESETS[preset]({ ...options, strength, blur })
  const adapt = mean.length === 1 && preset !== 'peer'
  const finish = (spec: ViewSpec) => overridden(adapt ? adaptedToGrey(spec) : spec, options)
  if (Array.isArray(views)) return [finish(views[0]), finish(views[1])]
  const both = finish(views)
  return [both, both]
}

function overridden(spec: ViewSpec, { area, flip }: ViewOptions): ViewSpec {
  const { move, ...rest } = spec
  const changed = flip === undefined ? {} : { flip }
  if (!area) return { ...spec, ...changed }
  const crop = spec.crop ?? ({ kind: 'rectangle', aspect: [3 / 4, 4 / 3] } as const)
  return { ...rest, ...changed, crop: { ...crop, area } }
}
