/** Whole training steps as a side of a case. */
import type { Dataset } from '../src/data/dataset.js'
import type { Device } from '../src/device/device.js'
import type { Precision } from '../src/device/launch.js'
import { resolveConfig } from '../src/train/recipes.js'
import { assemble } from '../src/train/session.js'
import { noise, type TrainSpec } from './case.js'
import type { Side } from './side.js'

const FEATURES = { resnet8: 128, resnet18: 512 } as const

/** Steps of `selfsame train --recipe peer`, recorded once and replayed, at most three in flight. */
export function trainSide(device: Device, spec: TrainSpec & { readonly precision?: Precision }): Side {
  const { encoder, batch, precision } = spec
  const config = resolveConfig(
    {
      encoder,
      batch,
      projector: [2 * FEATURES[encoder], 128],
      // More than anybody waits for: the rate is that of the warm-up throughout.
      steps: 1_000_000,
      ...(precision && { precision }),
    },
    'peer',
  )
  const { step, method, model, optimizer } = assemble(config, { train: noiseImages(spec), skipped: [] }, device)
  let next = 0
  let hostMs = 0
  return {
    async batch(count) {
      hostMs = 0
      for (let i = 0; i < count; i++) {
        const called = performance.now()
        const settled = step.run(next++)
        // What `run` does before it first waits: draws, writes, the replay.
        hostMs += performance.now() - called
        await settled
      }
      await device.settle()
      return false
    },
    hostMs: () => hostMs,
    dispose() {
      for (const each of [step, optimizer, model, ...Object.values(method.modules)]) each.dispose()
    },
  }
}

/** Two batches of them, so that there is something to shuffle. */
function noiseImages({ batch, size, channels }: TrainSpec): Dataset {
  const count = 2 * batch
  const images = Uint8Array.from(noise(count * size * size * channels), value => 127.5 * (value + 1))
  return { name: 'noise', source: 'noise', height: size, width: size, channels, count, images }
}
