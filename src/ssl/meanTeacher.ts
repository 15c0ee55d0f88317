import type { Linear } from '../nn/linear.js'
import type { Module } from '../nn/module.js'
import type { ModelState } from '../nn/state.js'
import { add, mul } from '../ops/elementwise.js'
import { l2normalize } from '../ops/normalize.js'
import { accuracy, crossEntropy } from '../ops/softmax.js'
import type { Schedule } from '../optim/schedules.js'
import { zeros } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import { independentViews, type ViewPlan } from '../views/plan.js'
import type { ViewSpec } from '../views/spec.js'
import { consistency as consistencyCost } from './losses/consistency.js'
import { type Batch, type Encoder, Method, type MethodOutput } from './method.js'
import type { TargetNetwork } from './targetNetwork.js'

export interface MeanTeacherOptions {
  /** Step → w(t), the weight of the consistency cost: w_max·exp(−5(1 − t/T)²) while it ramps up. */
  readonly consistency: Schedule
  /** Images of a batch whose labels are known. */
  readonly labelledPerBatch: number
  /** The student's and the teacher's view of every image. */
  readonly views: readonly [ViewSpec, ViewSpec]
  /** What held-out images are classified by; the teacher's answers count. */
  readonly heldOut: ViewSpec
}

type Networks = { readonly encoder: Encoder; readonly classifier: Linear }

/**
 * Mean teachers are better role models (Tarvainen & Valpola, 2017, https://arxiv.org/abs/1703.01780): a student learns the
 * labels that are known, and to say the same as a teacher (the average of its own weights, section 2) about another view
 * of every image.
 *
 * L = Σ_labelled CE / B + w(t) · mean over images and classes of (softmax_student − softmax_teacher)², as in the official
 * PyTorch code: the classification cost is divided by the whole batch, and the consistency cost by the number of classes.
 * Both networks use the statistics of the batch.
 */
export class MeanTeacher extends Method {
  readonly name = 'mean-teacher'
  readonly views: ViewPlan
  readonly encoder: Encoder
  readonly modules: Readonly<Record<string, Module>>
  override readonly heldOut: ViewPlan
  override readonly companions: readonly Module[]
  override readonly metricNames = ['accuracy', 'student_accuracy', 'consistency']
  private readonly weight: Tensor

  constructor(
    readonly student: Networks,
    readonly teacher: TargetNetwork<Networks>,
    readonly options: MeanTeacherOptions,
  ) {
    super()
    this.views = independentViews(options.views)
    this.encoder = student.encoder
    this.modules = student
    this.heldOut = independentViews([options.heldOut, options.heldOut])
    this.companions = Object.values(teacher.modules)
    this.weight = keep(zeros([], { device: student.classifier.weight.device }))
  }

  loss({ views: [a, b], labels }: Batch): MethodOutput {
    const features = this.encoder.forward(a!)
    const logits = this.student.classifier.forward(features)
    const taught = this.teacher.forward(({ encoder, classifier }) => {
      const own = encoder.forward(b!)
      return { logits: classifier.forward(own), features: own }
    })
    const consistency = consistencyCost(logits, taught.logits)
    return {
      loss: add(crossEntropy(logits, labels), mul(consistency, this.weight)),
      embedding: l2normalize(features),
      positives: l2normalize(taught.features),
      features,
      metrics: {
        accuracy: accuracy(taught.logits, labels),
        student_accuracy: accuracy(logits, labels),
        consistency,
      },
    }
  }

  /** log C for every image whose label is known, and no disagreement. */
  chance(batch: number): number {
    return (this.options.labelledPerBatch / batch) * Math.log(this.student.classifier.weight.shape[1]!)
  }

  override attach(model: ModelState): void {
    this.teacher.attach(model)
  }

  override prepare(step: number): void {
    this.teacher.prepare(step)
    this.weight.write(Float32Array.of(this.options.consistency(step)))
  }

  override afterStep(): void {
    this.teacher.update()
  }

  override state(): [string, Tensor][] {
    return this.teacher.state()
  }
}
