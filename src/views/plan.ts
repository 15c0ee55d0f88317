import type { AugmentStructure } from '../ops/augment.js'
import type { Generator } from '../tensor/philox.js'
import { drawView } from './draw.js'
import type { Size } from './place.js'
import { structureOf, type ViewSpec } from './spec.js'

/** What was drawn for one batch. */
export interface DrawnViews {
  /** One array `[count, 48]` for each view, laid out as `ops/augment.ts` says. */
  readonly parameters: readonly Float32Array[]
  /** `[count]` or `[count, k]`, row major: what a pretext task asks for (a position, a permutation). */
  readonly targets?: Int32Array
}

/**
 * The views that a method wants of every image of a batch, drawn together, so that they can have something in common: a
 * grid that patches lie on, a crop that is turned four ways.
 */
export interface ViewPlan {
  /** One for each view: what decides its launches. */
  readonly structures: readonly AugmentStructure[]
  /** Numbers of `targets` for each image; 0 where the task has none. */
  readonly targetsPerImage: number
  /**
   * Depends on the generator and the arguments alone.
   * @param source the size of the images that views are taken of
   */
  draw(generator: Generator, count: number, source: Size): DrawnViews
}

/** Every view by itself: what contrastive methods want. */
export function independentViews(specs: readonly ViewSpec[]): ViewPlan {
  return {
    structures: specs.map(structureOf),
    targetsPerImage: 0,
    draw(generator, count, source) {
      return { parameters: specs.map((spec, i) => drawView(spec, generator.split(i), count, source)) }
    },
  }
}
