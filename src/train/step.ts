import type { Device, Program } from '../device/device.js'
import type { Precision } from '../device/launch.js'
import type { Arena } from '../nn/arena.js'
import { augment } from '../ops/augment.js'
import { sqrt } from '../ops/elementwise.js'
import { storeMetrics } from '../ops/metric.js'
import { mean, variance } from '../ops/reduce.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Method } from '../ssl/method.js'
import { withPrecision } from '../tensor/context.js'
import { zeros } from '../tensor/create.js'
import { Generator } from '../tensor/philox.js'
import { keep, scope } from '../tensor/scope.js'
import { gradients } from '../tensor/tape.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { drawView } from '../views/draw.js'
import { structureOf } from '../views/spec.js'

/** Where a step's images come from: chosen by the host before the step, read by launches within it. */
export interface Batches {
  readonly size: number
  prepare(indices: Int32Array): void
  batch(): Tensor
}

export interface StepOptions {
  readonly device: Device
  readonly method: Method
  readonly optimizer: Optimizer
  /** The trained parameters, in the order of the gradients. */
  readonly parameters: Arena
  readonly gradients: Arena
  readonly batches: Batches
  /** Number of images in the data set. */
  readonly count: number
  readonly source: { readonly height: number; readonly width: number }
  readonly seed: number
  /** Of the products of convolutions and matmuls, forward and backward. */
  readonly precision: Precision
  /** Step → learning rate. */
  readonly learningRate: (step: number) => number
}

/** What is known of a step afterwards. */
export interface StepMetrics {
  readonly step: number
  readonly loss: number
  /** Mean over dimensions of the standard deviation of ẑ: 1/√d for a full sphere, 0 for a collapsed one. */
  readonly deviation: number
}

// Metrics are read once in this many steps at the least often.
const RING = 256

/**
 * The training loop's body. Step k depends on the seed, k and the tensors alone: its images, its views and its rate
 * are drawn from k, so that a run taken up at step k goes on as if it had never stopped. The launches are recorded at
 * the first step and replayed from then on.
 */
export class TrainingStep {
  private readonly viewParameters: readonly Tensor[]
  private readonly counter: Tensor
  private readonly ring: Tensor
  private readonly root: Generator
  private order: { epoch: number; indices: Int32Array } = { epoch: -1, indices: new Int32Array() }
  private program: Program | undefined
  private firstUnread: number | undefined

  constructor(private readonly options: StepOptions) {
    const { device, method, batches, seed } = options
    this.viewParameters = method.views.map(() => keep(empty([batches.size, 24], 'float32', device)))
    this.counter = keep(zeros([4], { dtype: 'uint32', device }))
    this.ring = keep(zeros([RING, 2], { device }))
    this.root = new Generator(seed)
  }

  get stepsPerEpoch(): number {
    return Math.floor(this.options.count / this.options.batches.size)
  }

  /** Runs step `step` (from 0), at most three steps ahead of the device. */
  async run(step: number): Promise<void> {
    const { device, precision } = this.options
    this.prepare(step)
    if (this.program) device.replay(this.program)
    else this.program = await device.record(() => withPrecision(precision, () => scope(() => this.launches())))
    this.firstUnread ??= step
    await device.settle(2)
  }

  /** Metrics of the steps since the last call (the last 256 of them). */
  async metrics(end: number): Promise<StepMetrics[]> {
    const begin = Math.max(this.firstUnread ?? end, end - RING)
    this.firstUnread = undefined
    if (begin >= end) return []
    const rows = await this.ring.data()
    return Array.from({ length: end - begin }, (_, i) => {
      const at = 2 * ((begin + i) % RING)
      return { step: begin + i, loss: rows[at]!, deviation: rows[at + 1]! }
    })
  }

  dispose(): void {
    if (this.program) this.options.device.release(this.program)
    for (const tensor of [...this.viewParameters, this.counter, this.ring]) tensor.dispose()
  }

  /** Writes all that changes from step to step. */
  private prepare(step: number): void {
    const { method, batches, optimizer, source, learningRate, seed } = this.options
    const epoch = Math.floor(step / this.stepsPerEpoch)
    if (this.order.epoch !== epoch) {
      this.order = { epoch, indices: this.root.split(`order/${epoch}`).permutation(this.options.count) }
    }
    const first = (step % this.stepsPerEpoch) * batches.size
    batches.prepare(this.order.indices.slice(first, first + batches.size))
    method.views.forEach((view, i) => {
      const drawn = drawView(view, this.root.split(`view/${i}/${step}`), batches.size, source)
      this.viewParameters[i]!.write(drawn)
    })
    this.counter.write(Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, step, 0))
    optimizer.prepare({ learningRate: learningRate(step), step })
    method.prepare(step)
  }

  /** Views, loss, gradients, optimiser: the launches of a step. */
  private launches(): void {
    const { method, optimizer, parameters, gradients: slots, batches } = this.options
    const bytes = batches.batch()
    const views = method.views.map((view, i) => augment(bytes, this.viewParameters[i]!, structureOf(view)))
    const { loss, embedding } = method.loss(views)
    slots.gatherInto(gradients(loss, parameters.tensors))
    optimizer.step()
    method.afterStep()
    storeMetrics(this.ring, this.counter, [loss, mean(sqrt(variance(embedding, 0)))])
  }
}
