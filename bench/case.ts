/** What is measured, and how much work each case is. Nothing here knows who carries it out. */
import type { Precision } from '../src/device/launch.js'

/** The numbers that a case is made of: the same for us and for every peer. Images are [batch, size, size, channels]. */
export type OpSpec =
  | { readonly op: 'matmul'; readonly m: number; readonly k: number; readonly n: number }
  | {
      readonly op: ConvolutionOp
      readonly batch: number
      readonly size: number
      readonly from: number
      readonly to: number
    }
  | { readonly op: ImageOp; readonly batch: number; readonly size: number; readonly channels: number }
  | { readonly op: 'softmax' | 'ntXent'; readonly rows: number; readonly columns: number }
  | { readonly op: 'infoNCE'; readonly rows: number; readonly keys: number; readonly columns: number }
  | { readonly op: OptimizerOp; readonly tensors: number; readonly width: number }
  | {
      readonly op: 'similarityTopK'
      readonly rows: number
      readonly keys: number
      readonly columns: number
      readonly k: number
    }

/**
 * A whole step of SimCLR, from images to updated parameters, with the settings of the recipe `peer` and a projector of
 * twice the encoder's features, then 128. The images are noise: time does not depend on what is in them.
 */
export interface TrainSpec {
  readonly op: 'simclr'
  readonly encoder: 'resnet8' | 'resnet18'
  readonly batch: number
  readonly size: number
  readonly channels: 1 | 3
}

export type Spec = (OpSpec | TrainSpec) & {
  /** Of products; float32 where it is absent. */
  readonly precision?: Precision
}

/** 3×3, stride 1, padding 1. */
export type ConvolutionOp = 'conv2d' | 'conv2dBackwardData' | 'conv2dBackwardFilter'
/** `maxPool2d` has windows of 2×2 side by side; `batchNorm` is training, forward and backward; `augment` makes two views. */
export type ImageOp = 'maxPool2d' | 'batchNorm' | 'relu' | 'add' | 'augment'
/** A step over `tensors` square matrices; LARS adapts its rate to each. */
export type OptimizerOp = 'ema' | 'sgd' | 'adamw' | 'lars'

export interface Case {
  readonly spec: Spec
  /** For people, and together with the op the name of the case in a record. */
  readonly shape: string
  /** Floating-point operations of the algorithm, a multiply-add as two; null where counting them says nothing. */
  readonly flop: number | null
  /** The least that memory must carry: every input read once, every output written once, unless noted; null likewise. */
  readonly bytes: number | null
  /** Source images that a run takes, of training. */
  readonly images: number | null
}

export const TEMPERATURE = 0.5
export const MOMENTUM = 0.9
export const WEIGHT_DECAY = 5e-4
export const LEARNING_RATE = 0.01
export const EMA_MOMENTUM = 0.99
export const BETAS = [0.9, 0.999] as const
export const TRUST = 0.001
export const EPSILON = 1e-5

/** A spec with its name and its work. */
export function caseOf(spec: Spec): Case {
  return { spec, images: spec.op === 'simclr' ? spec.batch : null, ...workOf(spec) }
}

/** Its name in a record and for `--filter`. */
export function caseName({ spec, shape }: Case): string {
  return spec.precision === undefined ? `${spec.op} ${shape}` : `${spec.op} ${shape} ${spec.precision}`
}

/**
 * Operations and bytes a parameter. LARS reads parameters and gradients twice, because no parameter can be updated before
 * the norms of its tensor are known.
 */
const OPTIMIZERS = { ema: [3, 12], sgd: [6, 20], adamw: [14, 28], lars: [12, 28] } as const

function workOf(spec: Spec): Pick<Case, 'shape' | 'flop' | 'bytes'> {
  switch (spec.op) {
    case 'matmul': {
      const { m, k, n } = spec
      return { shape: `${m}x${k}x${n}`, flop: 2 * m * k * n, bytes: 4 * (m * k + k * n + m * n) }
    }
    case 'conv2d':
    case 'conv2dBackwardData':
    case 'conv2dBackwardFilter': {
      const { batch, size, from, to } = spec
      const pixels = batch * size * size
      return {
        shape: `${batch}x${size}x${size}x${from}→${to}`,
        // As everybody counts: the padding too.
        flop: 18 * pixels * from * to,
        bytes: 4 * (pixels * (from + to) + 9 * from * to),
      }
    }
    case 'maxPool2d': {
      const elements = imageElements(spec)
      return { shape: imageShape(spec), flop: (3 * elements) / 4, bytes: 5 * elements }
    }
    case 'batchNorm': {
      // Forward reads x and writes y, backward reads x and dy and writes dx; 5 operations an element forward, 9 backward.
      const elements = imageElements(spec)
      return { shape: imageShape(spec), flop: 14 * elements, bytes: 20 * elements }
    }
    case 'relu':
      return { shape: imageShape(spec), flop: imageElements(spec), bytes: 8 * imageElements(spec) }
    case 'add':
      return { shape: imageShape(spec), flop: imageElements(spec), bytes: 12 * imageElements(spec) }
    case 'augment': {
      // A byte in for each view, a float32 out. Operations depend on what is drawn.
      return {
        shape: imageShape({ ...spec, batch: 2 * spec.batch }),
        flop: null,
        bytes: 10 * imageElements(spec),
      }
    }
    case 'softmax': {
      // Maximum, subtraction, exponential, sum, division.
      const elements = spec.rows * spec.columns
      return { shape: `${spec.rows}x${spec.columns}`, flop: 5 * elements, bytes: 8 * elements }
    }
    case 'ntXent': {
      // Forward and backward: the similarities, and a product of their gradient with z.
      const { rows, columns } = spec
      return { shape: `${rows}x${columns}`, flop: 4 * rows * rows * columns, bytes: 12 * rows * columns }
    }
    case 'infoNCE': {
      // Forward and backward: the similarities, and a product of their softmax with the keys.
      const { rows, keys, columns } = spec
      const shape = `${rows}x${keys}x${columns}`
      return { shape, flop: 4 * rows * keys * columns, bytes: 4 * (keys * columns + 3 * rows * columns) }
    }
    case 'ema':
    case 'sgd':
    case 'adamw':
    case 'lars': {
      const parameters = spec.tensors * spec.width * spec.width
      const [flop, bytes] = OPTIMIZERS[spec.op]
      return { shape: `${(parameters / 1e6).toFixed(1)}M`, flop: flop * parameters, bytes: bytes * parameters }
    }
    case 'simclr':
      return { shape: `${spec.encoder} ${imageShape(spec)}`, flop: null, bytes: null }
    case 'similarityTopK': {
      const { rows, keys, columns, k } = spec
      return {
        shape: `${rows}x${keys}x${columns} k=${k}`,
        flop: 2 * rows * keys * columns,
        bytes: 4 * (rows * columns + keys * columns + 2 * rows * k),
      }
    }
  }
}

function imageElements({ batch, size, channels }: { batch: number; size: number; channels: number }): number {
  return batch * size * size * channels
}

function imageShape({ batch, size, channels }: { batch: number; size: number; channels: number }): string {
  return `${batch}x${size}x${size}x${channels}`
}

/** The same numbers in every process: float32 in [−1, 1), repeating after 65,521 (a prime, so that rows differ). */
export function noise(count: number, seed = 1): Float32Array {
  const block = new Float32Array(Math.min(count, 65_521))
  let state = seed
  for (let i = 0; i < block.length; i++) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    block[i] = state / 2 ** 31 - 1
  }
  const out = new Float32Array(count)
  for (let at = 0; at < count; at += block.length) out.set(block.subarray(0, Math.min(block.length, count - at)), at)
  return out
}

/** Rows of length 1, [rows, columns]. */
export function unitRows(rows: number, columns: number, seed = 1): Float32Array {
  const out = noise(rows * columns, seed)
  for (let row = 0; row < rows; row++) {
    const part = out.subarray(row * columns, (row + 1) * columns)
    const length = Math.hypot(...part)
    for (let i = 0; i < columns; i++) part[i]! /= length
  }
  return out
}
