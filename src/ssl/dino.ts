import type { DINOHead } from '../nn/dinoHead.js'
import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { add, mul, sub } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import { mean } from '../ops/reduce.js'
import { assign, concat } from '../ops/shape.js'
import { softmax } from '../ops/softmax.js'
import type { Schedule } from '../optim/schedules.js'
import { zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ViewPlan } from '../views/plan.js'
import { meanEntropy, swappedPrediction } from './losses/swappedPrediction.js'
import { type Batch, type Encoder, Method, type MethodGroup, type MethodOutput } from './method.js'
import { encodeBySize } from './multiCrop.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface DINOOptions {
  /** T of the student: 0.1. */
  readonly studentTemperature: number
  /** Step → T of the teacher: 0.04, or a warm-up to 0.07. The lower, the sharper. */
  readonly teacherTemperature: Schedule
  /** What is kept of the centre at each step: 0.9. */
  readonly centreMomentum: number
  /**
   * Steps during which the last layer stays as it is: an epoch. The optimiser's moments of it are kept meanwhile, where
   * the official code begins them afterwards.
   */
  readonly frozenSteps: number
  /** Two large views, then any number of small ones. */
  readonly views: ViewPlan
}

type Networks = { readonly encoder: Encoder; readonly head: DINOHead }

/**
 * DINO: emerging properties in self-supervised vision transformers (Caron et al., 2021,
 * https://arxiv.org/abs/2104.14294). A student predicts, from every view, the teacher's distribution over K outputs for
 * another, large view (equation 3). The teacher follows the student slowly; its outputs are centred, against the collapse
 * to one output, and sharpened, against the collapse to an even distribution (section 3.1).
 */
export class DINO extends Method {
  readonly name = 'dino'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  /** H of the loss H + KL (section 5.3): the part of it that is not the student's. */
  override readonly metricNames = ['teacher_entropy']
  override readonly groups: readonly MethodGroup[]
  private readonly centre: Tensor
  private readonly sharpness: Tensor
  private taught: Tensor | undefined

  constructor(
    readonly student: Networks,
    readonly teacher: TargetNetwork<Networks>,
    readonly options: DINOOptions,
  ) {
    super()
    const { device, shape } = student.head.last.directions
    this.views = options.views
    this.encoder = student.encoder
    this.modules = student
    this.groups = [{ prefix: 'head.last.', learningRate: (step, rate) => (step < options.frozenSteps ? 0 : rate) }]
    this.centre = keep(zeros([1, shape[0]!], { device }))
    this.sharpness = keep(zeros([], { device }))
  }

  loss({ views }: Batch): MethodOutput {
    const { encoder, head } = this.student
    const { features, outputs } = encodeBySize(encoder, head, views)
    const taught = this.teacher.forward(own => encodeBySize(own.encoder, own.head, views.slice(0, 2)).outputs)
    const targets = noGrad(() => taught.map(output => softmax(mul(sub(output, this.centre), this.sharpness))))
    this.taught = noGrad(() => mean(concat(taught, 0), 0, { keepDims: true }))
    return {
      loss: swappedPrediction(targets, outputs, this.options.studentTemperature),
      embedding: l2normalize(features[0]!),
      positives: l2normalize(features[1]!),
      features: features[0]!,
      metrics: { teacher_entropy: noGrad(() => meanEntropy(targets)) },
    }
  }

  /**
   * log K: predictions that say nothing. The first steps lie below it and rise to it: until a centre has formed, the
   * teacher says nearly the same about every image, which is soon learned; what counts is that loss − `teacher_entropy`
   * falls.
   */
  chance(): number {
    return Math.log(this.centre.size)
  }

  override attach(model: ModelState): void {
    this.teacher.attach(model)
  }

  override prepare(step: number): void {
    this.teacher.prepare(step)
    this.sharpness.write(Float32Array.of(1 / this.options.teacherTemperature(step)))
  }

  /** c ← m·c + (1 − m)·mean of the teacher's outputs (equation 4). */
  override afterStep(): void {
    const { centreMomentum } = this.options
    this.teacher.update()
    noGrad(() => assign(this.centre, add(mul(this.centre, centreMomentum), mul(this.taught!, 1 - centreMomentum))))
  }

  override state(): [string, Tensor][] {
    return [...this.teacher.state(), ['centre', this.centre]]
  }
}
