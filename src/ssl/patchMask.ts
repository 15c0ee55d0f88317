import type { Device } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'

export interface PatchMaskOptions {
  readonly batch: number
  readonly patches: number
  /** Share of the patches that is hidden: 0.75 in MAE. */
  readonly ratio: number
  readonly generator: Generator
  readonly device: Device
}

/** Which patches of every image of a batch are hidden: a random permutation each, its first part is seen. */
export class PatchMask {
  /** int32 [B, k]: the patches that are seen. */
  readonly seen: Tensor
  /** int32 [B, patches]: the place of every patch in the permutation; below k those that are seen. */
  readonly places: Tensor
  /** float32 [B, patches]: 1 for a hidden patch. */
  readonly hidden: Tensor
  /** k */
  readonly seenCount: number

  /** @throws ConfigError when nothing is left to see, or nothing is hidden */
  constructor(private readonly options: PatchMaskOptions) {
    const { batch, patches, ratio, device } = options
    this.seenCount = Math.round(patches * (1 - ratio))
    if (!(this.seenCount >= 1 && this.seenCount < patches)) {
      throw new ConfigError(`mask: a ratio of ${ratio} leaves ${this.seenCount} of ${patches} patches to be seen`)
    }
    this.seen = keep(empty([batch, this.seenCount], 'int32', device))
    this.places = keep(empty([batch, patches], 'int32', device))
    this.hidden = keep(empty([batch, patches], 'float32', device))
  }

  /** Draws the masks of a step. */
  prepare(step: number): void {
    const { batch, patches, generator } = this.options
    const stream = generator.split(step)
    const [seen, places] = [new Int32Array(batch * this.seenCount), new Int32Array(batch * patches)]
    const hidden = new Float32Array(batch * patches)
    for (let image = 0; image < batch; image++) {
      stream.permutation(patches).forEach((patch: number, place: number) => {
        if (place < this.seenCount) seen[image * this.seenCount + place] = patch
        else hidden[image * patches + patch] = 1
        places[image * patches + patch] = place
      })
    }
    this.seen.write(seen)
    this.places.write(places)
    this.hidden.write(hidden)
  }
}
