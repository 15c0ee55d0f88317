import type { Device } from '../device/device.js'
import { batchNorm } from '../ops/batchNorm.js'
import type { InferenceNorm } from '../ops/conv2dBatchNorm.js'
import type { Tensor } from '../tensor/tensor.js'
import { buffer, parameter } from './initialise.js'
import { Module } from './module.js'

/** Which of gamma and beta a norm has: both, gamma alone, or neither. */
export type Affine = 'full' | 'scale' | 'none'

export interface BatchNormOptions {
  readonly channels: number
  /** @default 'full' */
  readonly affine?: Affine
  /** What gamma begins with. @default 1 */
  readonly gamma?: number
  /** How much of a batch goes into the running statistics, as PyTorch counts it. @default 0.1 */
  readonly momentum?: number
  /** @default 1e-5 */
  readonly epsilon?: number
  /** Equal parts of a batch that are normalised each on its own. @default 1 */
  readonly splits?: number
  readonly device?: Device
}

/**
 * Batch normalisation of x [..., channels] (Ioffe & Szegedy, 2015, https://arxiv.org/abs/1502.03167). `mode` says
 * which statistics it uses; a ReLU and the sum of a residual branch before it are done in the same pass.
 */
export class BatchNorm extends Module {
  readonly gamma: Tensor | undefined
  readonly beta: Tensor | undefined
  readonly runningMean: Tensor
  readonly runningVariance: Tensor
  momentum: number
  readonly epsilon: number
  /** See `splitBatchNorms`. */
  splits: number

  constructor(options: BatchNormOptions) {
    super()
    const { channels, affine = 'full', gamma = 1, momentum = 0.1, epsilon = 1e-5, splits = 1, device } = options
    if (affine !== 'none') this.gamma = parameter(gamma, [channels], device)
    if (affine === 'full') this.beta = parameter(0, [channels], device)
    this.runningMean = buffer(0, [channels], device)
    this.runningVariance = buffer(1, [channels], device)
    this.momentum = momentum
    this.epsilon = epsilon
    this.splits = splits
  }

  protected override get bufferNames(): readonly string[] {
    return ['runningMean', 'runningVariance']
  }

  /** relu(norm(x) + residual), each of the two where asked for. */
  forward(x: Tensor, options: { readonly relu?: boolean; readonly residual?: Tensor } = {}): Tensor {
    const { mode, momentum, splits } = this
    return batchNorm(x, { ...this.running, mode, momentum, splits, ...options })
  }

  /** What normalises by the running statistics. */
  get running(): InferenceNorm {
    const { gamma, beta, runningMean, runningVariance, epsilon } = this
    return { ...(gamma && { gamma }), ...(beta && { beta }), runningMean, runningVariance, epsilon }
  }
}

/** The batch norms of these modules and all below them. */
export function batchNormsOf(modules: readonly Module[]): BatchNorm[] {
  return modules.flatMap(module => module.modules()).filter(module => module instanceof BatchNorm)
}

/**
 * From now on every batch norm of the module cuts its batch into `splits` equal runs of neighbours, each with its own
 * statistics: as if so many devices had a part of the batch each. MoCo needs that (He et al., 2019,
 * https://arxiv.org/abs/1911.05722, section 3.3): its keys are shuffled first, so that a key and its query were not
 * normalised with the same images.
 */
export function splitBatchNorms(module: Module, splits: number): void {
  for (const norm of batchNormsOf([module])) norm.splits = splits
}
