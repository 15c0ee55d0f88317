import type { Device } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import { BatchNorm } from '../nn/batchNorm.js'
import { Linear } from '../nn/linear.js'
import { ModelState } from '../nn/state.js'
import { accuracy, crossEntropy } from '../ops/softmax.js'
import { constant, type Schedule } from '../optim/schedules.js'
import { SGD } from '../optim/sgd.js'
import { withPrecision } from '../tensor/context.js'
import { Generator } from '../tensor/philox.js'
import { show } from '../tensor/shape.js'
import { gradients, stopGradient } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'

export interface OnlineProbeOptions {
  /** D, the encoder's feature dimension. */
  readonly dimension: number
  readonly classes: number
  readonly device: Device
  /**
   * Step → learning rate. @default 0.1 throughout: of 0.01, 0.03, 0.1 and 0.3 the one that did well on both 64 features
   * of an encoder (trained or not) and 784 pixels, over six epochs of 9,000 digits
   */
  readonly learningRate?: Schedule
}

/**
 * A linear classifier behind a stop-gradient that learns along with training, as BYOL's code watches its runs
 * (https://github.com/google-deepmind/deepmind-research/tree/master/byol): it costs next to nothing, and says at every
 * step how well the classes can be read off the features. It sees augmented images and features that go on changing,
 * so that it stays below the linear probe at the end.
 *
 * It cannot disturb what it watches. Nothing that it launches writes to a tensor that is not its own, it draws no random
 * number, and its gradient ends at the features. These are standardised over the batch (as before the linear probe of
 * He et al., 2021, https://arxiv.org/abs/2111.06377, appendix A.1), so that one learning rate does for every encoder.
 *
 *   probe.prepare(step)                               // before the step, on the host
 *   probe.launches(features, labels)                  // within the recorded step
 */
export class OnlineProbe {
  readonly metricNames = ['probeLoss', 'probeAccuracy'] as const
  private readonly norm: BatchNorm
  private readonly linear: Linear
  private readonly model: ModelState
  private readonly optimizer: SGD
  private readonly learningRate: Schedule

  /** @throws ConfigError for fewer than two classes, or a dimension that is no whole number */
  constructor({ dimension, classes, device, learningRate = constant(0.1) }: OnlineProbeOptions) {
    if (!Number.isInteger(classes) || classes < 2 || !Number.isInteger(dimension) || dimension < 1) {
      throw new ConfigError(`online probe: wants features and at least 2 classes, got ${dimension} and ${classes}`)
    }
    this.norm = new BatchNorm({ channels: dimension, affine: 'none', device })
    this.norm.mode = 'frozen'
    this.linear = new Linear({ inputs: dimension, outputs: classes, generator: new Generator(0), device })
    // From zero: the problem is convex, and the first loss is log(classes).
    this.linear.weight.write(new Float32Array(dimension * classes))
    this.model = new ModelState({ linear: this.linear })
    this.optimizer = new SGD(this.model.parameters, this.model.gradients, { momentum: 0.9 })
    this.learningRate = learningRate
  }

  /** Writes what the next step, or replay of one, reads. */
  prepare(step: number): void {
    this.optimizer.prepare({ learningRate: this.learningRate(step), step })
  }

  /**
   * Measures, and then learns from the same batch.
   * @param features [B, D]
   * @param labels int32 [B]; rows with a negative label count nothing
   * @returns scalars: mean cross-entropy and accuracy over the labelled rows, both 0 where there is none
   * @throws ShapeError, DtypeError
   */
  launches(features: Tensor, labels: Tensor): { readonly probeLoss: Tensor; readonly probeAccuracy: Tensor } {
    if (features.rank !== 2) throw new ShapeError(`online probe: wants features [B,D], got ${show(features.shape)}`)
    const { parameters, gradients: slots } = this.model
    return withPrecision('float32', () => {
      const logits = this.linear.forward(this.norm.forward(stopGradient(features)))
      const loss = crossEntropy(logits, labels, { meanOver: 'labelled' })
      slots.gatherInto(gradients(loss, parameters.tensors))
      this.optimizer.step()
      return { probeLoss: stopGradient(loss), probeAccuracy: accuracy(logits, labels) }
    })
  }

  /** What a checkpoint must hold: weights, biases, and their momenta. */
  state(): [string, Tensor][] {
    const weights = this.model.parameters.slots.map(({ name, tensor }): [string, Tensor] => [name, tensor])
    return [...weights, ...this.optimizer.state()]
  }

  dispose(): void {
    this.optimizer.dispose()
    this.model.dispose()
    this.linear.dispose()
    this.norm.dispose()
  }
}
