/** The suite `train`: whole steps of SimCLR, from images to updated parameters, as `selfsame train --bench` times them. */
import type { OpenOptions } from '../src/open.js'
import type { Log } from '../src/train/log.js'
import { resolveConfig } from '../src/train/recipes.js'
import { runTraining } from '../src/train/run.js'
import type { CaseResult } from './record.js'
import { median, spread } from './statistics.js'

const BATCH = 256
const STEPS = 5
// Another run where the first took less than this.
const QUICK_MS = 60_000

export interface TrainCaseOptions {
  readonly device: NonNullable<OpenOptions['device']>
  readonly adapter?: NonNullable<OpenOptions['adapter']>
  readonly log: Log
}

/** Recipe `peer` on the embedded digits: ResNet-8, two views of 28 x 28, NT-Xent, SGD. Two steps of warm-up a run. */
export async function trainCase({ device, adapter, log }: TrainCaseOptions): Promise<CaseResult> {
  const settings = { data: 'mnist', batch: BATCH, steps: STEPS, device, ...(adapter && { adapter }) }
  const config = resolveConfig(settings, 'peer')
  const samples: number[] = []
  let kind = ''
  for (let run = 0; run < 3; run++) {
    const begun = performance.now()
    const result = await runTraining(config, { out: '', resume: false, overwrite: false, bench: true, log })
    kind = result.device
    samples.push((1000 * BATCH) / result.images_per_s!)
    if (performance.now() - begun > QUICK_MS) break
  }
  const ms = median(samples)
  return {
    op: 'simclr resnet8',
    shape: `mnist batch ${BATCH}`,
    dtype: config.precision,
    device: kind,
    median_ms: ms,
    spread: samples.length > 1 ? spread(samples) : null,
    gflops: null,
    gb_s: null,
    roofline_share: null,
    objects: null,
    images_per_s: (1000 * BATCH) / ms,
    peers: {},
  }
}
