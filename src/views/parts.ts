import { adaptedToGrey } from './grey.js'
import { type Basics, simclrView } from './presets.js'
import type { ViewSpec } from './spec.js'

/** What a view can be put together from, for asking which parts matter (SimCLR, figure 5). */
export const VIEW_PARTS = ['crop', 'flip', 'rotate', 'colour', 'grey', 'blur', 'solarise', 'noise'] as const

export type ViewPart = (typeof VIEW_PARTS)[number]

/**
 * A view that does only what `parts` name, each as strongly as SimCLR's ablation has it where it has it: crop, flip,
 * colour (s = 1), grey and blur as in `simclrView`, turned by up to 20°, solarised with probability 0.2, Gaussian noise
 * of σ 0.1. In the order in which a view is made, whatever the order of `parts`: the paper's grid is not symmetric, this
 * one is. Grey images as elsewhere: flip and grey do nothing, crops show at least 40 %.
 */
export function viewOfParts(parts: readonly ViewPart[], basics: Basics): ViewSpec {
  const { crop, jitter, greyscale, blur, ...rest } = simclrView({ ...basics, strength: 1, blur: true })
  const has = (part: ViewPart) => parts.includes(part)
  const view: ViewSpec = {
    ...rest,
    ...(has('crop') && crop && { crop }),
    flip: has('flip') ? 0.5 : 0,
    rotation: has('rotate') ? Math.PI / 9 : 0,
    ...(has('colour') && jitter && { jitter }),
    greyscale: has('grey') ? greyscale : 0,
    ...(has('blur') && blur && { blur }),
    ...(has('solarise') && { solarise: { probability: 0.2, threshold: 0.5 } }),
    ...(has('noise') && { noise: 0.1 }),
  }
  return basics.mean.length === 1 ? adaptedToGrey(view) : view
}
