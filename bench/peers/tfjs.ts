/**
 * TensorFlow.js, on Dawn or on WebAssembly (one thread: that is what it offers in Node). The package for Node comes
 * without the table of gradients, so backward passes are written out below, with fewer kernels than its own would take.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as TF from '@tensorflow/tfjs-core'
import {
  BETAS,
  type Case,
  EMA_MOMENTUM,
  EPSILON,
  LEARNING_RATE,
  MOMENTUM,
  noise,
  type OpSpec,
  TEMPERATURE,
  TRUST,
  unitRows,
  WEIGHT_DECAY,
} from '../case.js'
import { fence, opOf, type Queue, queuedSide, type Runner, type Side } from '../side.js'

type Core = typeof TF

/** What of the WebGPU backend lies open, and what we use of it. */
interface WebGPUBackend {
  readonly device: GPUDevice
  readonly commandEncoder: GPUCommandEncoder | null
  endComputePassEncoder(): void
  submitQueue(): void
}

/** @throws when a package is missing or the backend does not start */
export async function tfjs(backend: 'webgpu' | 'wasm'): Promise<Runner> {
  const tf: Core = await import('@tensorflow/tfjs-core')
  tf.enableProdMode()
  if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu')
  else {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${dirname(entry)}/`)
  }
  if (!(await tf.setBackend(backend))) throw new Error(`the backend ${backend} of TensorFlow.js does not start`)
  const queue =
    backend === 'webgpu' ? webgpuQueue(tf.backend() as unknown as WebGPUBackend) : { submit() {}, async drained() {} }
  return {
    name: `tfjs-${backend}`,
    version: tf.version_core,
    async prepare(benchmark: Case): Promise<Side> {
      const spec = opOf(benchmark)
      await tf.setBackend(backend)
      const { inputs, run } = workOf(tf, spec)
      // `tidy` lets go of what its function makes, but not of what it returns.
      const once = () => {
        tf.tidy(() => {
          run()
        })
      }
      const side = queuedSide(once, queue, () => tf.dispose(inputs))
      return {
        ...side,
        async batch(count, pace) {
          // Both backends live in one engine: whose turn it is must be said.
          await tf.setBackend(backend)
          return side.batch(count, pace)
        },
      }
    },
    async close() {
      tf.removeBackend(backend)
    },
  }
}

function webgpuQueue(backend: WebGPUBackend): Queue {
  const drained = fence(backend.device)
  return {
    submit() {
      // It submits every fifteenth dispatch by itself; after that one there is nothing left to submit.
      if (!backend.commandEncoder) return
      // Without this, what is encoded is dropped without a word.
      backend.endComputePassEncoder()
      backend.submitQueue()
    },
    drained,
  }
}

interface Work {
  readonly inputs: TF.Tensor[]
  readonly run: () => TF.TensorContainer
}

function workOf(tf: Core, spec: OpSpec): Work {
  const random = (shape: number[], seed = 1) =>
    tf.tensor(
      noise(
        shape.reduce((product, size) => product * size, 1),
        seed,
      ),
      shape,
    )
  const kernel = (name: string, inputs: TF.NamedTensorMap, attributes: object) =>
    tf.engine().runKernel(name, inputs, attributes as TF.NamedAttrMap) as TF.Tensor

  switch (spec.op) {
    case 'matmul': {
      const a = random([spec.m, spec.k]) as TF.Tensor2D
      const b = random([spec.k, spec.n], 2) as TF.Tensor2D
      return { inputs: [a, b], run: () => tf.matMul(a, b) }
    }
    case 'conv2d':
    case 'conv2dBackwardData':
    case 'conv2dBackwardFilter': {
      const { batch, size, from, to } = spec
      const x = random([batch, size, size, from]) as TF.Tensor4D
      const filter = random([3, 3, from, to], 2) as TF.Tensor4D
      const dy = random([batch, size, size, to], 3)
      const common = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dimRoundingMode: null }
      const runs = {
        conv2d: () => tf.conv2d(x, filter, 1, 'same'),
        conv2dBackwardData: () => kernel('Conv2DBackpropInput', { dy, filter }, { ...common, inputShape: x.shape }),
        conv2dBackwardFilter: () => kernel('Conv2DBackpropFilter', { x, dy }, { ...common, filterShape: filter.shape }),
      }
      return { inputs: [x, filter, dy], run: runs[spec.op] }
    }
    case 'maxPool2d': {
      const x = random(imageShape(spec)) as TF.Tensor4D
      return { inputs: [x], run: () => tf.maxPool(x, 2, 2, 'valid') }
    }
    case 'relu': {
      const x = random(imageShape(spec))
      return { inputs: [x], run: () => tf.relu(x) }
    }
    case 'add': {
      const a = random(imageShape(spec))
      const b = random(imageShape(spec), 2)
      return { inputs: [a, b], run: () => tf.add(a, b) }
    }
    case 'softmax': {
      const x = random([spec.rows, spec.columns])
      return { inputs: [x], run: () => tf.softmax(x) }
    }
    case 'batchNorm':
      return batchNorm(tf, random(imageShape(spec)) as TF.Tensor4D, random(imageShape(spec), 2))
    case 'ntXent':
      return ntXent(tf, tf.tensor2d(unitRows(spec.rows, spec.columns), [spec.rows, spec.columns]))
    case 'infoNCE':
      return infoNCE(tf, spec)
    case 'ema': {
      const shape = [spec.tensors, spec.width, spec.width]
      const target = tf.fill(shape, 0.5)
      const source = tf.fill(shape, 0.25)
      return {
        inputs: [target, source],
        run: () => tf.add(tf.mul(target, EMA_MOMENTUM), tf.mul(source, 1 - EMA_MOMENTUM)),
      }
    }
    case 'sgd': {
      const shape = [spec.tensors, spec.width, spec.width]
      const parameters = tf.fill(shape, 0.5)
      const gradients = tf.fill(shape, 0.25)
      const momentum = tf.zeros(shape)
      const run = () => {
        const decayed = tf.add(gradients, tf.mul(parameters, WEIGHT_DECAY))
        const velocity = tf.add(tf.mul(momentum, MOMENTUM), decayed)
        return [velocity, tf.sub(parameters, tf.mul(velocity, LEARNING_RATE))]
      }
      return { inputs: [parameters, gradients, momentum], run }
    }
    case 'adamw': {
      const shape = [spec.tensors, spec.width, spec.width]
      const [parameters, gradients] = [tf.fill(shape, 0.5), tf.fill(shape, 0.25)]
      const [mean, square] = [tf.zeros(shape), tf.zeros(shape)]
      const [first, second] = BETAS
      const run = () => {
        const newMean = tf.add(tf.mul(mean, first), tf.mul(gradients, 1 - first))
        const newSquare = tf.add(tf.mul(square, second), tf.mul(tf.square(gradients), 1 - second))
        const root = tf.sqrt(tf.div(newSquare, 1 - second))
        const change = tf.div(tf.div(newMean, 1 - first), tf.add(root, EPSILON))
        const decayed = tf.mul(parameters, 1 - LEARNING_RATE * WEIGHT_DECAY)
        return [newMean, newSquare, tf.sub(decayed, tf.mul(change, LEARNING_RATE))]
      }
      return { inputs: [parameters, gradients, mean, square], run }
    }
    case 'lars': {
      const shape = [spec.tensors, spec.width, spec.width]
      const [parameters, gradients, momentum] = [tf.fill(shape, 0.5), tf.fill(shape, 0.25), tf.zeros(shape)]
      const norm = (x: TF.Tensor) => tf.sqrt(tf.sum(tf.square(x), [1, 2], true))
      const run = () => {
        const decayed = tf.add(gradients, tf.mul(parameters, WEIGHT_DECAY))
        const rate = tf.mul(tf.div(norm(parameters), norm(decayed)), TRUST * LEARNING_RATE)
        const velocity = tf.add(tf.mul(momentum, MOMENTUM), tf.mul(rate, decayed))
        return [velocity, tf.sub(parameters, velocity)]
      }
      return { inputs: [parameters, gradients, momentum], run }
    }
    case 'similarityTopK': {
      const { rows, keys, columns, k } = spec
      const queries = tf.tensor2d(unitRows(rows, columns), [rows, columns])
      const bank = tf.tensor2d(unitRows(keys, columns, 2), [keys, columns])
      const run = () => {
        const { values, indices } = tf.topk(tf.matMul(queries, bank, false, true), k)
        return [values, indices]
      }
      return { inputs: [queries, bank], run }
    }
    case 'augment':
      throw new Error('has no augmentation of a batch by parameters of each image')
  }
}

/** Training: batch statistics forward, gradients of x, gamma and beta backward. */
function batchNorm(tf: Core, x: TF.Tensor4D, dy: TF.Tensor): Work {
  const channels = x.shape[3]
  const count = x.size / channels
  const gamma = tf.ones([channels]) as TF.Tensor1D
  const beta = tf.zeros([channels]) as TF.Tensor1D
  const over = [0, 1, 2]
  const run = () => {
    const mean = tf.mean(x, over) as TF.Tensor1D
    const centred = tf.sub(x, mean)
    const variance = tf.mean(tf.square(centred), over) as TF.Tensor1D
    const y = tf.batchNorm(x, mean, variance, beta, gamma, EPSILON)
    const inverse = tf.rsqrt(tf.add(variance, EPSILON))
    const normalised = tf.mul(centred, inverse)
    const dBeta = tf.sum(dy, over)
    const dGamma = tf.sum(tf.mul(dy, normalised), over)
    const inner = tf.sub(tf.sub(dy, tf.div(dBeta, count)), tf.mul(normalised, tf.div(dGamma, count)))
    return [y, tf.mul(inner, tf.mul(gamma, inverse)), dGamma, dBeta]
  }
  return { inputs: [x, dy, gamma, beta], run }
}

/** The loss and its gradient: softmax minus target, times z from both sides. */
function ntXent(tf: Core, z: TF.Tensor2D): Work {
  const [rows] = z.shape
  const half = rows / 2
  const itself = tf.mul(tf.eye(rows), 1e9) as TF.Tensor2D
  const order = Array.from({ length: rows }, (_, row) => (row + half) % rows)
  const target = tf.cast(tf.oneHot(tf.tensor1d(order, 'int32'), rows), 'float32') as TF.Tensor2D
  const run = () => {
    const logits = tf.sub(tf.mul(tf.matMul(z, z, false, true), 1 / TEMPERATURE), itself)
    const logSum = tf.logSumExp(logits, 1, true)
    const loss = tf.mean(tf.sub(logSum, tf.sum(tf.mul(logits, target), 1, true)))
    const slope = tf.mul(tf.sub(tf.exp(tf.sub(logits, logSum)), target), 1 / (TEMPERATURE * rows)) as TF.Tensor2D
    return [loss, tf.add(tf.matMul(slope, z), tf.matMul(slope, z, true))]
  }
  return { inputs: [z, itself, target], run }
}

/** The loss and the gradient of the queries: softmax minus target, times the keys. */
function infoNCE(tf: Core, { rows, keys, columns }: { rows: number; keys: number; columns: number }): Work {
  const queries = tf.tensor2d(unitRows(rows, columns), [rows, columns])
  const positives = tf.tensor2d(unitRows(rows, columns, 2), [rows, columns])
  const bank = tf.tensor2d(unitRows(keys, columns, 3), [keys, columns])
  const run = () => {
    const own = tf.mul(tf.sum(tf.mul(queries, positives), 1, true), 1 / TEMPERATURE) as TF.Tensor2D
    const others = tf.mul(tf.matMul(queries, bank, false, true), 1 / TEMPERATURE) as TF.Tensor2D
    const logSum = tf.logSumExp(tf.concat([own, others], 1), 1, true)
    const loss = tf.mean(tf.sub(logSum, own))
    const pull = tf.mul(positives, tf.sub(tf.exp(tf.sub(own, logSum)), 1))
    const push = tf.matMul(tf.exp(tf.sub(others, logSum)) as TF.Tensor2D, bank)
    return [loss, tf.mul(tf.add(pull, push), 1 / (TEMPERATURE * rows))]
  }
  return { inputs: [queries, positives, bank], run }
}

function imageShape({ batch, size, channels }: { batch: number; size: number; channels: number }): number[] {
  return [batch, size, size, channels]
}
