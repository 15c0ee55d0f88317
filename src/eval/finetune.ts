import { type Dataset, subset } from '../data/dataset.js'
import { BatchReader } from '../data/deviceDataset.js'
import { keepLabels, type LabelBudget, type Sampler, sampler } from '../data/sampler.js'
import type { Device, Program } from '../device/device.js'
import { ConfigError, DataError, NumericError } from '../device/errors.js'
import type { Precision } from '../device/launch.js'
import type { Encoder } from '../nn/encoders.js'
import { Linear } from '../nn/linear.js'
import { ModelState } from '../nn/state.js'
import { augment, PARAMETERS } from '../ops/augment.js'
import { crossEntropy } from '../ops/softmax.js'
import { LossScale } from '../optim/lossScale.js'
import { linearScaling, type Schedule, warmupCosine } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import { withPrecision } from '../tensor/context.js'
import { Generator } from '../tensor/philox.js'
import { keep, scope } from '../tensor/scope.js'
import { gradients, stopGradient } from '../tensor/tape.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import { drawView } from '../views/draw.js'
import { structureOf, type ViewSpec } from '../views/spec.js'
import { accuracyOf, labelled } from './featureSet.js'
import { extractFeatures, imageFeatures } from './features.js'
import { labelsOf } from './pixels.js'

export interface FinetuneOptions {
  readonly device: Device
  /** Mean and standard deviation of each channel of images in [0, 1], as the encoder was trained with. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** What images are trained on as: see `cropAndFlip`. */
  readonly view: ViewSpec
  /** How many labels there are to learn from; the seed draws them, equally many a class. */
  readonly labels: LabelBudget
  /** @default 60 for up to 3 % of the labels, 30 for more; in any case as many as make 500 steps */
  readonly epochs?: number
  /** @default 256, or all labelled images where they are fewer */
  readonly batch?: number
  /** For a batch of 256; grows with the batch. @default 0.05 */
  readonly learningRate?: number
  /** Of the labels, the order and the views. @default 0 */
  readonly seed?: number
  /** @default 'float32' */
  readonly precision?: Precision
  /** Steps done so far, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface FinetuneResult {
  /** Of the test images. */
  readonly accuracy: number
  /** How many images had a label to learn from. */
  readonly labels: number
  readonly epochs: number
  readonly steps: number
  readonly batch: number
  /** Cross-entropy of the last step. */
  readonly loss: number
}

// The hyper-parameters of SimCLR's semi-supervised protocol: Chen et al. 2020, https://arxiv.org/abs/2002.05709,
// appendix B.5. Momentum with Nesterov's step, no weight decay nor any other regularisation, no warm-up; 60 epochs for
// 1 % of the labels of ImageNet and 30 for 10 %: the border is between the two. The paper has a batch of 4096, more than
// most have labels. Its learning rate is 0.05 · batch / 256; that it falls along a cosine, only its code says
// (https://github.com/google-research/simclr, model_util.py).
const MOMENTUM = 0.9
const LEARNING_RATE = 0.05
const BATCH = 256
const EPOCHS = { few: 60, many: 30, border: 0.03 } as const
// Where there are few images, so few epochs hardly begin: with 90 of 9,000 digits, 60 epochs are 60 steps, after which a
// pretrained encoder is right on 30 % of the test digits; after 500 steps on 86 %.
const FEWEST_STEPS = 500

/** What SimCLR fine-tunes on: the crop and the flip of a view, without colours, blur, or anything else. */
export function cropAndFlip({ height, width, crop, interpolation, padding, flip, normalise }: ViewSpec): ViewSpec {
  const geometry = { height, width, interpolation, padding, flip, rotation: 0, greyscale: 0, normalise }
  return crop ? { ...geometry, crop } : geometry
}

/**
 * SimCLR's semi-supervised protocol: trains the whole encoder with a linear head on a few labels, and tests it. What it
 * says of a pretraining is the distance from the same with an encoder that was not pretrained.
 *
 * The encoder is trained where it is: its parameters are others afterwards. Every step is drawn from the seed and its
 * number; the launches are recorded once. The head stands on what the encoder is evaluated by; of a network with
 * `evaluationFeatures` the layers behind these stay as they are. An encoder with dropout is built without for this: the protocol has none.
 *
 * @param train its labels are thinned out to `options.labels`; images without one are not used
 * @throws ConfigError for an option out of range, DataError where `test` has no labels or other classes than `train`,
 * NumericError where the loss is no longer finite
 */
export async function finetune(
  encoder: Encoder,
  train: Dataset,
  test: Dataset,
  options: FinetuneOptions,
): Promise<FinetuneResult> {
  const { device, mean, std, onProgress } = options
  const [{ classes }, tested] = [labelsOf(train), labelsOf(test)]
  if (classes !== tested.classes) {
    throw new DataError(`finetune: train has ${classes} classes and test ${tested.classes}; they must be the same`)
  }
  const plan = planOf(train, options)
  const { steps, order } = plan
  encoder.train()
  using classifier = new Classifier(encoder, classes, plan, options)
  for (let step = 0; step < steps; step++) {
    await classifier.step(step, order.indices(step))
    onProgress?.(step + 1, steps)
  }
  const loss = await classifier.loss()
  if (!Number.isFinite(loss)) throw new NumericError(`finetune: the loss is ${loss}; take a lower learning rate`)
  encoder.eval()
  try {
    const logits = labelled('finetune, test', await extractFeatures(classifier, test, { device, mean, std }))
    const accuracy = accuracyOf(largest(logits.features, classes), logits)
    return { accuracy, labels: plan.dataset.count, epochs: plan.epochs, steps, batch: plan.batch, loss }
  } finally {
    encoder.train()
  }
}

/** What is trained on, and for how long. */
interface Plan {
  /** The images that keep their label. */
  readonly dataset: Dataset
  readonly batch: number
  readonly epochs: number
  readonly steps: number
  readonly order: Sampler
  readonly learningRate: Schedule
}

function planOf(train: Dataset, options: FinetuneOptions): Plan {
  const { seed = 0, learningRate = LEARNING_RATE } = options
  const { labels } = labelsOf(train)
  const kept = keepLabels(labels, options.labels, seed)
  const chosen = [...kept.keys()].filter(image => kept[image]! >= 0)
  const batch = Math.min(options.batch ?? BATCH, chosen.length)
  if (!Number.isInteger(batch) || batch < 2) {
    throw new ConfigError(
      `finetune: wants at least 2 images in a batch, got ${batch} of ${chosen.length} labelled ones`,
    )
  }
  const order = sampler({ count: chosen.length, batch, seed })
  const share = chosen.length / labels.filter(label => label >= 0).length
  const published = share <= EPOCHS.border ? EPOCHS.few : EPOCHS.many
  const { epochs = Math.max(published, Math.ceil(FEWEST_STEPS / order.stepsPerEpoch)) } = options
  if (!Number.isInteger(epochs) || epochs < 1) throw new ConfigError(`finetune: wants whole epochs, got ${epochs}`)
  if (!(learningRate > 0)) throw new ConfigError(`finetune: wants a learning rate above 0, got ${learningRate}`)
  const steps = epochs * order.stepsPerEpoch
  const rate = warmupCosine({ base: linearScaling(learningRate, batch), warmupSteps: 0, totalSteps: steps })
  return { dataset: subset(train, chosen), batch, epochs, steps, order, learningRate: rate }
}

/** The column of the largest number of every row; of equals the first. */
function largest(logits: Float32Array, columns: number): Int32Array {
  return Int32Array.from({ length: logits.length / columns }, (_, row) => {
    const values = logits.subarray(row * columns, (row + 1) * columns)
    return values.reduce((best, value, column) => (value > values[best]! ? column : best), 0)
  })
}

/** An encoder with a linear head, and the training step of both. */
class Classifier implements Disposable {
  private readonly head: Linear
  private readonly model: ModelState
  private readonly optimizer: SGD
  private readonly lossScale: LossScale | undefined
  private readonly reader: BatchReader
  private readonly labels: Tensor
  private readonly viewParameters: Tensor
  private readonly root: Generator
  private recorded: { readonly program: Program; readonly loss: Tensor } | undefined

  constructor(
    private readonly encoder: Encoder,
    classes: number,
    private readonly plan: Plan,
    private readonly options: FinetuneOptions,
  ) {
    const { dataset, batch } = plan
    const { device, seed = 0 } = options
    this.root = new Generator(seed, 'finetune')
    const generator = this.root.split('head')
    this.head = new Linear({
      inputs: encoder.evaluationDimension ?? encoder.featureDimension,
      outputs: classes,
      generator,
      device,
    })
    // All classes alike at first, so that the first gradients say what to read off the features, not how to change them.
    this.head.weight.write(new Float32Array(this.head.weight.size))
    this.model = new ModelState({ encoder, head: this.head })
    this.optimizer = new SGD(this.model.parameters, this.model.gradients, { momentum: MOMENTUM, nesterov: true })
    this.lossScale = options.precision === 'float16' ? new LossScale(device) : undefined
    this.reader = new BatchReader(device, dataset, [], batch)
    this.labels = keep(empty([batch], 'int32', device))
    this.viewParameters = keep(empty([batch, PARAMETERS], 'float32', device))
  }

  /** Images [B, H, W, C] to logits [B, classes]. */
  forward(images: Tensor): Tensor {
    return this.head.forward(imageFeatures(this.encoder, images))
  }

  async step(step: number, indices: Int32Array): Promise<void> {
    const { device, view, precision = 'float32' } = this.options
    const { dataset, batch, learningRate } = this.plan
    this.reader.prepare(indices)
    this.labels.write(indices.map(image => dataset.labels![image]!))
    this.viewParameters.write(drawView(view, this.root.split(`view/${step}`), batch, dataset))
    this.optimizer.prepare({ learningRate: learningRate(step), step })
    if (this.recorded) device.replay(this.recorded.program)
    else {
      let loss: Tensor | undefined
      const program = await device.record(() => {
        loss = withPrecision(precision, () => scope(() => this.launches()))
      })
      this.recorded = { program, loss: loss! }
    }
    await device.settle(2)
  }

  /** Of the latest step. */
  loss(): Promise<number> {
    return this.recorded!.loss.item()
  }

  private launches(): Tensor {
    const { parameters, gradients: slots } = this.model
    const images = augment(this.reader.batch(), this.viewParameters, structureOf(this.options.view))
    const loss = crossEntropy(this.forward(images), this.labels)
    slots.gatherInto(gradients(loss, parameters.tensors, this.lossScale && { seed: this.lossScale.scale }))
    this.lossScale?.judge(slots)
    this.optimizer.step(this.lossScale)
    return stopGradient(loss)
  }

  [Symbol.dispose](): void {
    this.recorded?.loss.dispose()
    if (this.recorded) this.options.device.release(this.recorded.program)
    this.reader.dispose()
    this.labels.dispose()
    this.viewParameters.dispose()
    this.lossScale?.dispose()
    this.optimizer.dispose()
    this.model.dispose()
    this.head.dispose()
  }
}
