import type { Device } from '../../src/device/device.js'
import { augment, PARAMETERS } from '../../src/ops/augment.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import type { ViewPlan } from '../../src/views/plan.js'

export interface Batch {
  readonly data: Uint8Array
  readonly shape: readonly [number, number, number, number]
}

export function randomImages(shape: Batch['shape'], seed = 1): Batch {
  const generator = new Generator(seed)
  const count = shape.reduce((a, b) => a * b)
  return { data: Uint8Array.from({ length: count }, () => generator.integer(256)), shape }
}

/** Draws a plan for a batch and carries it out: the pixels `[count, height, width, channels]` of every view. */
export async function runPlan(plan: ViewPlan, images: Batch, device: Device, seed = 1): Promise<Float32Array[]> {
  const [count, height, width] = images.shape
  const { parameters } = plan.draw(new Generator(seed), count, { height, width })
  const views: Float32Array[] = []
  for (const [i, structure] of plan.structures.entries()) {
    const out = scope(() =>
      augment(
        tensor(images.data, { shape: images.shape, device }),
        tensor(parameters[i]!, { shape: [count, PARAMETERS], device }),
        structure,
      ),
    )
    views.push((await out.data()) as Float32Array)
    out.dispose()
  }
  return views
}
