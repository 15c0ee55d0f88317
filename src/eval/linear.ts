import type { Device, Program } from '../device/device.js'
import { add, mul } from '../ops/elementwise.js'
import { matmul } from '../ops/matmul.js'
import { argmax } from '../ops/reduce.js'
import { crossEntropy } from '../ops/softmax.js'
import { type Evaluation, lbfgs } from '../optim/lbfgs.js'
import { tensor, zeros } from '../tensor/create.js'
import { keep, scope } from '../tensor/scope.js'
import { gradients, noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { accuracyOf, type FeatureSet, labelledPair, pagesOf } from './featureSet.js'

export interface LinearProbeOptions {
  readonly device: Device
  /** λ of λ·‖W‖² in the loss; biases go free. */
  readonly weightDecay?: number
  readonly maxIterations?: number
}

export interface LinearProbeResult {
  /** Of the test rows. */
  readonly accuracy: number
  readonly trainAccuracy: number
  readonly iterations: number
  /** The objective where the fit ended: mean cross-entropy + λ·‖W‖². */
  readonly loss: number
}

/**
 * How well a linear classifier does on frozen features: multinomial logistic regression on the standardised rows of
 * `train`, fitted by full-batch L-BFGS from zero (the objective is convex), measured on `test`. Rows without a label
 * are left out. Products run on the device in float32, the optimiser on the host in float64.
 * @throws DataError when train or test has no labels or they differ in kind
 */
export async function linearProbe(
  train: FeatureSet,
  test: FeatureSet,
  { device, weightDecay = 1e-4, maxIterations = 100 }: LinearProbeOptions,
): Promise<LinearProbeResult> {
  const [fit, held] = labelledPair('linear probe', train, test)
  const standard = standardisation(fit)
  using regression = new SoftmaxRegression(fit, standard, device)
  const { dimension, classes } = regression
  const { x, value, iterations } = await lbfgs({
    dimension,
    maxIterations,
    evaluate: async weights =>
      decayed(await regression.evaluate(weights), weights, weightDecay, fit.dimension * classes),
  })
  const trainAccuracy = accuracyOf(await regression.predict(x), fit)
  using heldOut = new SoftmaxRegression(held, standard, device)
  const accuracy = accuracyOf(await heldOut.predict(x), held)
  return { accuracy, trainAccuracy, iterations, loss: value }
}

/** Adds λ·‖W‖² over the first `count` variables, those that are not biases, in float64. */
function decayed({ value, gradient }: Evaluation, weights: Float64Array, decay: number, count: number): Evaluation {
  let squares = 0
  for (let i = 0; i < count; i++) {
    squares += weights[i]! ** 2
    gradient[i]! += 2 * decay * weights[i]!
  }
  return { value: value + decay * squares, gradient }
}

/** Mean and standard deviation (of a sample, n − 1, plus 1e-5) of every feature: what takes rows to unit scale. */
interface Standardisation {
  readonly mean: Float64Array
  readonly scale: Float64Array
}

function standardisation({ features, count, dimension }: FeatureSet): Standardisation {
  const mean = new Float64Array(dimension)
  const squares = new Float64Array(dimension)
  for (let i = 0; i < features.length; i++) mean[i % dimension]! += features[i]! / count
  for (let i = 0; i < features.length; i++) squares[i % dimension]! += (features[i]! - mean[i % dimension]!) ** 2
  return { mean, scale: squares.map(sum => Math.sqrt(sum / Math.max(count - 1, 1)) + 1e-5) }
}

/** Standardised rows on the device, [n, D + 1 …]: a column of ones carries the bias, zeros fill whole vec4s. */
interface Page {
  readonly x: Tensor
  readonly labels: Tensor
}

/** Softmax regression over rows that lie on the device, for weights that come from the host. */
class SoftmaxRegression implements Disposable {
  readonly classes: number
  /** Number of variables: weights `[D, classes]`, then biases `[classes]`. */
  readonly dimension: number
  private readonly count: number
  private readonly columns: number
  private readonly device: Device
  private readonly pages: readonly Page[]
  private readonly weights: Tensor
  private recorded: { readonly program: Program; readonly loss: Tensor; readonly gradient: Tensor } | undefined

  constructor(set: FeatureSet, standard: Standardisation, device: Device) {
    this.device = device
    this.count = set.count
    this.classes = set.classes
    this.dimension = (set.dimension + 1) * set.classes
    this.columns = 4 * Math.ceil((set.dimension + 1) / 4)
    this.pages = pagesOf(set.count, this.columns, device).map(([first, end]) => ({
      x: keep(
        tensor(standardised(set, standard, first, end, this.columns), { shape: [end - first, this.columns], device }),
      ),
      labels: keep(tensor(set.labels.subarray(first, end), { device })),
    }))
    this.weights = keep(zeros([this.columns, set.classes], { device, requiresGradient: true }))
  }

  /** Mean cross-entropy over all rows, and its gradient. The launches are recorded once. */
  async evaluate(weights: Float64Array): Promise<Evaluation> {
    this.write(weights)
    if (this.recorded) this.device.replay(this.recorded.program)
    else this.recorded = await this.record()
    const { loss, gradient } = this.recorded
    const [value, slopes] = await Promise.all([loss.item(), gradient.data()])
    return { value, gradient: Float64Array.from(slopes.subarray(0, this.dimension)) }
  }

  /** The most probable class of every row. */
  async predict(weights: Float64Array): Promise<Int32Array> {
    this.write(weights)
    const classes = new Int32Array(this.count)
    let first = 0
    for (const { x } of this.pages) {
      const page = scope(() => noGrad(() => argmax(matmul(x, this.weights), 1)))
      classes.set(await page.data(), first)
      first += page.size
      page.dispose()
    }
    return classes
  }

  [Symbol.dispose](): void {
    if (this.recorded) {
      this.recorded.loss.dispose()
      this.recorded.gradient.dispose()
      this.device.release(this.recorded.program)
    }
    for (const { x, labels } of this.pages) {
      x.dispose()
      labels.dispose()
    }
    this.weights.dispose()
  }

  private async record() {
    let outputs: { loss: Tensor; gradient: Tensor } | undefined
    const program = await this.device.record(() => {
      outputs = scope(() => {
        const loss = this.pages
          .map(({ x, labels }) => mul(crossEntropy(matmul(x, this.weights), labels), labels.size / this.count))
          .reduce(add)
        return { loss, gradient: gradients(loss, [this.weights])[0]! }
      })
    })
    return { program, ...outputs! }
  }

  private write(weights: Float64Array): void {
    const padded = new Float32Array(this.columns * this.classes)
    padded.set(weights)
    this.weights.write(padded)
  }
}

function standardised(
  { features, dimension }: FeatureSet,
  { mean, scale }: Standardisation,
  first: number,
  end: number,
  columns: number,
): Float32Array {
  const rows = new Float32Array((end - first) * columns)
  for (let row = first; row < end; row++) {
    const to = (row - first) * columns
    for (let j = 0; j < dimension; j++) rows[to + j] = (features[row * dimension + j]! - mean[j]!) / scale[j]!
    rows[to + dimension] = 1
  }
  return rows
}
