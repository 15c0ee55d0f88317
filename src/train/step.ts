import type { Sampler } from '../data/sampler.js'
import type { Device, Program } from '../device/device.js'
import { ConfigError } from '../device/errors.js'
import type { Precision } from '../device/launch.js'
import type { Arena } from '../nn/arena.js'
import { mul, sqrt } from '../ops/elementwise.js'
import { storeMetrics } from '../ops/metric.js'
import { mean, variance } from '../ops/reduce.js'
import { clipNorm } from '../optim/clipNorm.js'
import type { LossScale } from '../optim/lossScale.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Schedule } from '../optim/schedules.js'
import type { Batch, Method, MethodOutput } from '../ssl/method.js'
import { withPrecision } from '../tensor/context.js'
import { zeros } from '../tensor/create.js'
import { Generator } from '../tensor/philox.js'
import { keep, scope } from '../tensor/scope.js'
import { gradients, stopGradient } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { BatchInputs } from './inputs.js'

/** Where a step's images come from: chosen by the host before the step, read by launches within it. */
export interface Batches {
  readonly size: number
  prepare(indices: Int32Array): void
  batch(): Tensor
}

/** A classifier that learns along without a say in what is learned. */
export interface Probe {
  readonly metricNames: readonly string[]
  prepare(step: number): void
  /** Launches a step of its own; returns its metrics. */
  launches(features: Tensor, labels: Tensor): Readonly<Record<string, Tensor>>
  state(): readonly (readonly [string, Tensor])[]
}

export interface StepOptions {
  readonly device: Device
  readonly method: Method
  readonly optimizer: Optimizer
  /** The trained parameters, in the order of the gradients. */
  readonly parameters: Arena
  readonly gradients: Arena
  /** The longest that a parameter's gradient may be; any length when absent. */
  readonly clip?: number
  readonly batches: Batches
  readonly sampler: Sampler
  /** Of every image, −1 where it is not known; all are when absent. */
  readonly labels?: Int32Array
  readonly source: { readonly height: number; readonly width: number }
  readonly seed: number
  /** Of the products of convolutions and matmuls, forward and backward. */
  readonly precision: Precision
  /** Step → learning rate. */
  readonly learningRate: Schedule
  /** Step → weight decay, where it changes. */
  readonly weightDecay?: Schedule
  readonly probe?: Probe
  /** For products in float16. */
  readonly lossScale?: LossScale
  /** uint32 [4]: written here before every step, read by dropouts; see `stepCounter`. */
  readonly counter: Tensor
}

/** uint32 [4] = [seed low, seed high, step, 0] on the device: what differs between two runs of the same launches. */
export function stepCounter(device: Device): Tensor {
  return keep(zeros([4], { dtype: 'uint32', device }))
}

/** What is known of a step afterwards. */
export interface StepMetrics {
  readonly step: number
  readonly loss: number
  /** Mean over dimensions of the standard deviation of ẑ: 1/√d for a full sphere, 0 for a collapsed one. */
  readonly deviation: number
  /** Those of the method, by name. */
  readonly [name: string]: number
}

/** ẑ of the latest step on the host. */
export interface Embeddings {
  readonly dimension: number
  /** [rows, dimension] */
  readonly embedding: Float32Array
  readonly positives?: Float32Array
}

interface Recorded {
  readonly program: Program
  readonly embedding: Tensor
  readonly positives: Tensor | undefined
}

// Metrics are read once in this many steps at the least often.
const RING = 256

/**
 * The training loop's body. Step k depends on the seed, k and the tensors alone: its images, its views and its rate
 * are drawn from k, so that a run taken up at step k goes on as if it had never stopped. The launches of each variant
 * of a step are recorded when it first comes, and replayed from then on.
 */
export class TrainingStep {
  /** The columns of the metrics. */
  readonly metricNames: readonly string[]
  private readonly inputs: BatchInputs
  private readonly ring: Tensor
  private readonly root: Generator
  private readonly recorded = new Map<string, Recorded>()
  private latest: Recorded | undefined
  private firstUnread: number | undefined

  constructor(private readonly options: StepOptions) {
    const { device, method, batches, seed, probe, lossScale } = options
    const more = [...(probe?.metricNames ?? []), ...(lossScale ? ['lossScale'] : [])]
    this.metricNames = ['loss', 'deviation', ...method.metricNames, ...more]
    this.inputs = new BatchInputs(method.views, batches.size, device)
    this.ring = keep(zeros([RING, this.metricNames.length], { device }))
    this.root = new Generator(seed)
  }

  /** Runs step `step` (from 0), at most three steps ahead of the device. */
  async run(step: number): Promise<void> {
    const { device, method, precision } = this.options
    this.prepare(step)
    const variant = method.variant(step)
    const known = this.recorded.get(variant)
    if (known) device.replay(known.program)
    else {
      let output: Pick<Recorded, 'embedding' | 'positives'> | undefined
      const program = await device.record(() => {
        output = withPrecision(precision, () => scope(() => this.launches()))
      })
      this.recorded.set(variant, { program, ...output! })
    }
    this.latest = this.recorded.get(variant)
    this.firstUnread ??= step
    await device.settle(2)
    await method.betweenSteps(step)
  }

  /** Metrics of the steps since the last call (the last 256 of them). */
  async metrics(end: number): Promise<StepMetrics[]> {
    const begin = Math.max(this.firstUnread ?? end, end - RING)
    this.firstUnread = undefined
    if (begin >= end) return []
    const rows = await this.ring.data()
    return Array.from({ length: end - begin }, (_, i) => {
      const at = this.metricNames.length * ((begin + i) % RING)
      const values = this.metricNames.map((name, column) => [name, rows[at + column]!])
      return { step: begin + i, ...Object.fromEntries(values) } as StepMetrics
    })
  }

  /** d of ẑ; 0 before the first step. */
  get embeddingDimension(): number {
    return this.latest?.embedding.shape[1] ?? 0
  }

  /** ẑ of the latest step, and of its positives; nothing before the first. */
  async embeddings(): Promise<Embeddings | undefined> {
    if (!this.latest) return undefined
    const { embedding, positives } = this.latest
    const [rows, others] = await Promise.all([embedding.data(), positives?.data()])
    return {
      dimension: embedding.shape[1]!,
      embedding: rows as Float32Array,
      ...(others && { positives: others as Float32Array }),
    }
  }

  dispose(): void {
    const { device } = this.options
    for (const { program, embedding, positives } of this.recorded.values()) {
      device.release(program)
      embedding.dispose()
      positives?.dispose()
    }
    this.inputs.dispose()
    this.ring.dispose()
  }

  /** Writes all that changes from step to step. */
  private prepare(step: number): void {
    const { method, batches, optimizer, source, seed, sampler, labels, probe } = this.options
    const { learningRate, weightDecay, counter } = this.options
    const indices = sampler.indices(step)
    batches.prepare(indices)
    this.inputs.write(method.views.draw(this.root.split(`views/${step}`), batches.size, source), indices, labels)
    counter.write(Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, step, 0))
    optimizer.prepare({
      learningRate: learningRate(step),
      step,
      ...(weightDecay && { weightDecay: weightDecay(step) }),
    })
    probe?.prepare(step)
    method.prepare(step)
  }

  /** Views, loss, gradients, optimiser: the launches of a step. */
  private launches(): Pick<Recorded, 'embedding' | 'positives'> {
    const { method, optimizer, parameters, gradients: slots, batches, counter, lossScale } = this.options
    const batch = this.inputs.batch(batches.batch())
    const output = method.loss(batch)
    const found = gradients(output.loss, parameters.tensors, lossScale && { seed: lossScale.scale })
    slots.gatherInto(this.clipped(found))
    lossScale?.judge(slots)
    optimizer.step(lossScale)
    method.afterStep()
    storeMetrics(this.ring, counter, this.metricsOf(output, batch))
    const { embedding, positives } = output
    return { embedding: stopGradient(embedding), positives: positives && stopGradient(positives) }
  }

  /** Gradients that are scaled by the loss scale have a limit that is, too. */
  private clipped(gradients: readonly Tensor[]): readonly Tensor[] {
    const { clip, lossScale } = this.options
    if (clip === undefined) return gradients
    const limit = lossScale ? mul(lossScale.scale, clip) : clip
    return gradients.map(gradient => clipNorm(gradient, limit))
  }

  /** The scalars of a step, in the order of `metricNames`. */
  private metricsOf({ loss, embedding, features, metrics }: MethodOutput, { labels }: Batch): Tensor[] {
    const { method, probe, lossScale } = this.options
    const deviation = mean(sqrt(variance(embedding, 0)))
    if (probe && !features) {
      throw new ConfigError(`evaluation.onlineProbe: ${method.name} has no features of whole images; leave it out`)
    }
    const probed = probe && features ? probe.launches(features, labels) : {}
    const all: Readonly<Record<string, Tensor>> = {
      ...{ loss, deviation },
      ...metrics,
      ...probed,
      ...(lossScale && { lossScale: lossScale.scale }),
    }
    return this.metricNames.map(name => all[name]!)
  }
}
