/**
 * jax-js on Dawn, every case under its `jit`, which fuses and tunes. Convolution and pooling have its own layout,
 * [batch, channels, height, width]. Its functions use up their arguments; `.ref` keeps one.
 */
import { createRequire } from 'node:module'
import type * as Jax from '@jax-js/jax'
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
import { fence, opOf, queuedSide, type Runner, type Side } from '../side.js'

type Library = typeof Jax
type Arrays = readonly Jax.Array[]

/** @throws when the package is missing or finds no WebGPU */
export async function jaxjs(): Promise<Runner> {
  const jax: Library = await import('@jax-js/jax')
  const devices = await jax.init('webgpu')
  if (!devices.includes('webgpu')) throw new Error('jax-js finds no WebGPU')
  jax.defaultDevice('webgpu')
  const gpu = jax.getWebGPUDevice()
  const drained = fence(gpu)
  return {
    name: 'jax-js',
    version: versionOf('@jax-js/jax'),
    async prepare(benchmark: Case): Promise<Side> {
      const spec = opOf(benchmark)
      const { inputs, body } = workOf(jax, spec)
      const compiled = jax.jit(body)
      const run = async () => {
        const results = compiled(...inputs.map(input => input.ref)) as Arrays
        // Dispatches what is pending, and lets the result go.
        for (const result of results) await result.gpuBuffer()
      }
      const dispose = () => {
        compiled.dispose()
        for (const input of inputs) input.dispose()
      }
      return queuedSide(run, { submit() {}, drained }, dispose)
    },
    async close() {
      gpu.destroy()
    },
  }
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url)
  const entry = require.resolve(name)
  const folder = entry.slice(0, entry.lastIndexOf(name) + name.length)
  return (require(`${folder}/package.json`) as { version: string }).version
}

interface Work {
  readonly inputs: Arrays
  readonly body: (...inputs: Jax.Array[]) => Jax.Array[]
}

function workOf(jax: Library, spec: OpSpec): Work {
  const { numpy: np, lax, nn, vjp } = jax
  const array = (values: Float32Array, shape: number[]) => np.array(values as Float32Array<ArrayBuffer>).reshape(shape)
  const random = (shape: number[], seed = 1) =>
    array(
      noise(
        shape.reduce((product, size) => product * size, 1),
        seed,
      ),
      shape,
    )

  switch (spec.op) {
    case 'matmul':
      return {
        inputs: [random([spec.m, spec.k]), random([spec.k, spec.n], 2)],
        body: (a, b) => [np.matmul(a!, b!)],
      }
    case 'conv2d':
    case 'conv2dBackwardData':
    case 'conv2dBackwardFilter': {
      const { batch, size, from, to } = spec
      const x = random([batch, from, size, size])
      const filter = random([to, from, 3, 3], 2)
      const dy = random([batch, to, size, size], 3)
      const convolve = (x: Jax.Array, filter: Jax.Array) => lax.convGeneralDilated(x, filter, [1, 1], 'SAME')
      const work = {
        conv2d: { inputs: [x, filter], body: (x: Jax.Array, filter: Jax.Array) => [convolve(x, filter)] },
        // The forward value is not used, and `jit` leaves it out.
        conv2dBackwardData: {
          inputs: [x, filter, dy],
          body: (x: Jax.Array, filter: Jax.Array, dy: Jax.Array) => {
            const [y, back] = vjp((x: Jax.Array) => convolve(x, filter.ref), [x])
            y.dispose()
            return [...back(dy)]
          },
        },
        conv2dBackwardFilter: {
          inputs: [x, filter, dy],
          body: (x: Jax.Array, filter: Jax.Array, dy: Jax.Array) => {
            const [y, back] = vjp((filter: Jax.Array) => convolve(x.ref, filter), [filter])
            y.dispose()
            return [...back(dy)]
          },
        },
      }
      return work[spec.op] as Work
    }
    case 'maxPool2d': {
      const { batch, size, channels } = spec
      return {
        inputs: [random([batch, channels, size, size])],
        body: x => [lax.reduceWindow(x!, np.max, [2, 2], [2, 2])],
      }
    }
    case 'relu':
      return { inputs: [random(imageShape(spec))], body: x => [nn.relu(x!)] }
    case 'add':
      return { inputs: [random(imageShape(spec)), random(imageShape(spec), 2)], body: (a, b) => [np.add(a!, b!)] }
    case 'softmax':
      return { inputs: [random([spec.rows, spec.columns])], body: x => [nn.softmax(x!, -1)] }
    case 'batchNorm':
      return {
        inputs: [
          random(imageShape(spec)),
          np.ones([spec.channels]),
          np.zeros([spec.channels]),
          random(imageShape(spec), 2),
        ],
        body: (x, gamma, beta, dy) => {
          const [y, back] = vjp(normalise, [x!, gamma!, beta!])
          return [y, ...back(dy!)]
        },
      }
    case 'ntXent': {
      const { rows, columns } = spec
      const order = Int32Array.from({ length: rows }, (_, row) => (row + rows / 2) % rows)
      const loss = (z: Jax.Array) => {
        const similarities = np.matmul(z.ref, z.transpose()).mul(1 / TEMPERATURE)
        const logits = similarities.sub(np.eye(rows).mul(1e9))
        const positives = logits.ref.mul(nn.oneHot(np.array(order), rows)).sum(1)
        return nn.logsumexp(logits, 1).sub(positives).mean()
      }
      return {
        inputs: [array(unitRows(rows, columns), [rows, columns])],
        body: z => {
          const [value, gradient] = jax.valueAndGrad(loss)(z!)
          return [value, gradient as Jax.Array]
        },
      }
    }
    case 'infoNCE': {
      const { rows, keys, columns } = spec
      const loss = (queries: Jax.Array, positives: Jax.Array, bank: Jax.Array) => {
        const own = np.sum(queries.ref.mul(positives), 1, { keepdims: true }).mul(1 / TEMPERATURE)
        const others = np.matmul(queries, bank.transpose()).mul(1 / TEMPERATURE)
        const logits = np.concatenate([own.ref, others], 1)
        return nn.logsumexp(logits, 1).sub(own.sum(1)).mean()
      }
      return {
        inputs: [
          array(unitRows(rows, columns), [rows, columns]),
          array(unitRows(rows, columns, 2), [rows, columns]),
          array(unitRows(keys, columns, 3), [keys, columns]),
        ],
        body: (queries, positives, bank) => {
          const [value, gradient] = jax.valueAndGrad(loss)(queries!, positives!, bank!)
          return [value, gradient as Jax.Array]
        },
      }
    }
    case 'ema': {
      const shape = [spec.tensors, spec.width, spec.width]
      return {
        inputs: [random(shape), random(shape, 2)],
        body: (target, source) => [target!.mul(EMA_MOMENTUM).add(source!.mul(1 - EMA_MOMENTUM))],
      }
    }
    case 'sgd': {
      const size = spec.tensors * spec.width * spec.width
      const shape = [spec.tensors, spec.width, spec.width]
      return {
        inputs: [random(shape), random(shape, 2), array(new Float32Array(size), shape)],
        body: (parameters, gradients, momentum) => {
          const velocity = momentum!.mul(MOMENTUM).add(gradients!.add(parameters!.ref.mul(WEIGHT_DECAY)))
          return [velocity.ref, parameters!.sub(velocity.mul(LEARNING_RATE))]
        },
      }
    }
    case 'adamw': {
      const size = spec.tensors * spec.width * spec.width
      const shape = [spec.tensors, spec.width, spec.width]
      const [first, second] = BETAS
      const none = () => array(new Float32Array(size), shape)
      return {
        inputs: [random(shape), random(shape, 2), none(), none()],
        body: (parameters, gradients, mean, square) => {
          const newMean = mean!.mul(first).add(gradients!.ref.mul(1 - first))
          const newSquare = square!.mul(second).add(np.square(gradients!).mul(1 - second))
          const root = np.sqrt(newSquare.ref.div(1 - second)).add(EPSILON)
          const change = newMean.ref.div(1 - first).div(root)
          const decayed = parameters!.mul(1 - LEARNING_RATE * WEIGHT_DECAY)
          return [newMean, newSquare, decayed.sub(change.mul(LEARNING_RATE))]
        },
      }
    }
    case 'lars': {
      const size = spec.tensors * spec.width * spec.width
      const shape = [spec.tensors, spec.width, spec.width]
      const norm = (x: Jax.Array) => np.sqrt(np.sum(np.square(x), [1, 2], { keepdims: true }))
      return {
        inputs: [random(shape), random(shape, 2), array(new Float32Array(size), shape)],
        body: (parameters, gradients, momentum) => {
          const decayed = gradients!.add(parameters!.ref.mul(WEIGHT_DECAY))
          const rate = norm(parameters!.ref)
            .div(norm(decayed.ref))
            .mul(TRUST * LEARNING_RATE)
          const velocity = momentum!.mul(MOMENTUM).add(decayed.mul(rate))
          return [velocity.ref, parameters!.sub(velocity)]
        },
      }
    }
    case 'similarityTopK': {
      const { rows, keys, columns, k } = spec
      return {
        inputs: [array(unitRows(rows, columns), [rows, columns]), array(unitRows(keys, columns, 2), [keys, columns])],
        body: (queries, bank) => [...lax.topK(np.matmul(queries!, bank!.transpose()), k)],
      }
    }
    case 'augment':
      throw new Error('has no augmentation of a batch by parameters of each image')
  }

  function normalise(x: Jax.Array, gamma: Jax.Array, beta: Jax.Array): Jax.Array {
    const centred = x.ref.sub(np.mean(x, [0, 1, 2], { keepdims: true }))
    const variance = np.mean(np.square(centred.ref), [0, 1, 2], { keepdims: true })
    const inverse = np.reciprocal(np.sqrt(variance.add(EPSILON)))
    return centred.mul(inverse).mul(gamma).add(beta)
  }
}

function imageShape({ batch, size, channels }: { batch: number; size: number; channels: number }): number[] {
  return [batch, size, size, channels]
}
