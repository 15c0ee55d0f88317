/** How well a method solves its own task on images that it was not trained on. */
import type { Dataset } from '../data/dataset.js'
import { BatchReader } from '../data/deviceDataset.js'
import type { Device, Program } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import type { Method } from '../ssl/method.js'
import { Generator } from '../tensor/philox.js'
import { scope } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { DrawnViews, ViewPlan } from '../views/plan.js'
import { BatchInputs } from './inputs.js'
import type { Log } from './log.js'
import type { Session } from './session.js'

export interface PretextOptions {
  readonly device: Device
  /** Images at a time. */
  readonly batch: number
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * The metric `accuracy` of a method over all images of `test`, with its modules in inference mode. The views are drawn
 * from one fixed stream: every run is asked the same questions, whatever its seed. Of a method with a surrogate task
 * this says how well the task was learned; of a supervised one it is the test accuracy.
 *
 * @throws ConfigError for a method whose task cannot be asked of other images than those trained on
 */
export async function pretextAccuracy(method: Method, test: Dataset, options: PretextOptions): Promise<number> {
  const { heldOut } = method
  const modules = [...Object.values(method.modules), ...method.companions]
  if (!heldOut) {
    throw new ConfigError(`${method.name}: its task is about the images trained on; there is no accuracy on others`)
  }
  const drawn = heldOut.draw(new Generator(0, 'held-out views'), test.count, test)
  for (const module of modules) module.eval()
  try {
    const ask = (first: number, end: number, batch: number) =>
      hitsAmong({ method, heldOut, drawn, test, first, end }, { ...options, batch })
    // Images that do not fill a batch are a smaller one, so that none is asked of twice.
    const rest = test.count % options.batch
    const hits = await ask(0, test.count - rest, options.batch)
    return (hits + (await ask(test.count - rest, test.count, rest))) / test.count
  } finally {
    for (const module of modules) module.train()
  }
}

/** The accuracy of a run's method, where its task can be asked of test images. It needs no labels unless it is to name them. */
export async function ownTask({ method, data, device, config }: Session, log: Log): Promise<number | undefined> {
  if (!method.heldOut || !data.test) return undefined
  log.info(`evaluating ${method.name} at its own task on ${data.test.count} test images`)
  return pretextAccuracy(method, data.test, {
    device,
    batch: config.batch,
    onProgress: (done, total) => log.progress({ label: 'evaluating', done, total }),
  })
}

/** The views `drawn` of images `first` … `end` − 1 of `test`, in whole batches. */
interface Questions {
  readonly method: Method
  readonly heldOut: ViewPlan
  readonly drawn: DrawnViews
  readonly test: Dataset
  readonly first: number
  readonly end: number
}

/** How many are answered right. The launches are recorded once. */
async function hitsAmong(questions: Questions, { device, batch: size, onProgress }: PretextOptions): Promise<number> {
  const { method, heldOut, drawn, test, first, end } = questions
  if (first === end) return 0
  // Without pages: evaluation goes over the images once, so that they need not lie on the device.
  const reader = new BatchReader(device, test, [], size)
  const inputs = new BatchInputs(heldOut, size, device)
  let recorded: { readonly program: Program; readonly accuracy: Tensor } | undefined
  let hits = 0
  try {
    for (let at = first; at < end; at += size) {
      const indices = Int32Array.from({ length: size }, (_, i) => at + i)
      reader.prepare(indices)
      inputs.write(rowsOf(drawn, at, size, test.count), indices, test.labels)
      if (recorded) device.replay(recorded.program)
      else {
        let accuracy: Tensor | undefined
        const program = await device.record(() => {
          accuracy = scope(() => noGrad(() => method.loss(inputs.batch(reader.batch())).metrics!.accuracy!))
        })
        recorded = { program, accuracy: accuracy! }
      }
      hits += (await recorded.accuracy.item()) * size
      onProgress?.(at + size, test.count)
    }
    return hits
  } finally {
    if (recorded) {
      recorded.accuracy.dispose()
      device.release(recorded.program)
    }
    inputs.dispose()
    reader.dispose()
  }
}

/** What was drawn for `size` of `count` images, from number `first` on. */
function rowsOf({ parameters, targets }: DrawnViews, first: number, size: number, count: number): DrawnViews {
  const range = (length: number): [number, number] => [(first * length) / count, ((first + size) * length) / count]
  return {
    parameters: parameters.map(rows => rows.subarray(...range(rows.length))),
    ...(targets && { targets: targets.subarray(...range(targets.length)) }),
  }
}
