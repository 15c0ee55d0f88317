/** Our own side of every case: public ops on any device. */
import type { Device } from '../src/device/device.js'
import { Arena } from '../src/nn/arena.js'
import { augment } from '../src/ops/augment.js'
import { batchNorm } from '../src/ops/batchNorm.js'
import { conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../src/ops/conv2d.js'
import { add, relu } from '../src/ops/elementwise.js'
import { infoNCE } from '../src/ops/infoNCE.js'
import { matmul } from '../src/ops/matmul.js'
import { ntXent } from '../src/ops/ntXent.js'
import { maxPool2d } from '../src/ops/pool.js'
import { softmax } from '../src/ops/softmax.js'
import { similarityTopK } from '../src/ops/topk.js'
import { AdamW } from '../src/optim/adamw.js'
import { EMA } from '../src/optim/ema.js'
import { LARS } from '../src/optim/lars.js'
import { SGD } from '../src/optim/sgd.js'
import { withPrecision } from '../src/tensor/context.js'
import { ones, requireGradient, tensor, zeros } from '../src/tensor/create.js'
import { Generator } from '../src/tensor/philox.js'
import { scope } from '../src/tensor/scope.js'
import type { Shape } from '../src/tensor/shape.js'
import { gradients, noGrad } from '../src/tensor/tape.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { drawView } from '../src/views/draw.js'
import { simclrView } from '../src/views/presets.js'
import { structureOf } from '../src/views/spec.js'
import {
  BETAS,
  type Case,
  EMA_MOMENTUM,
  EPSILON,
  LEARNING_RATE,
  MOMENTUM,
  noise,
  type OpSpec,
  type OptimizerOp,
  type Spec,
  TEMPERATURE,
  TRUST,
  unitRows,
  WEIGHT_DECAY,
} from './case.js'
import { queuedSide, type Runner, type Side } from './side.js'
import { trainSide } from './train.js'

export function ours(device: Device, version: string): Runner {
  return {
    name: 'selfsame',
    version,
    prepare: async ({ spec }: Case) => ourSide(device, spec),
    close: () => device.close(),
  }
}

// More submissions than anybody has in flight.
const EVERYTHING = 2 ** 30

/** `settle` with room for everything submits and does not wait. */
export function queueOf(device: Device) {
  return { submit: () => device.settle(EVERYTHING), drained: () => device.settle() }
}

interface Work {
  /** Runs in a scope of its own. */
  readonly run: () => void
  readonly inputs: readonly { dispose(): void }[]
}

async function ourSide(device: Device, spec: Spec): Promise<Side> {
  if (spec.op === 'simclr') return trainSide(device, spec)
  const { run, inputs } = workOf(device, spec)
  const dispose = () => {
    for (const input of inputs) input.dispose()
  }
  // What a scope returns would outlive it, and every run would find fresh memory, which the system has to clear first.
  const once = () => scope(() => void run())
  const { precision } = spec
  const each = precision ? () => withPrecision(precision, once) : once
  // What a recording does before it runs: kernels compile side by side, and where the device tunes, it tunes now.
  device.release(await device.record(each))
  return queuedSide(each, queueOf(device), dispose)
}

function workOf(device: Device, spec: OpSpec): Work {
  const random = (shape: Shape, seed = 1) =>
    tensor(
      noise(
        shape.reduce((product, size) => product * size, 1),
        seed,
      ),
      { shape, device },
    )
  const plain = (inputs: readonly Tensor[], run: () => unknown): Work => ({ inputs, run: () => void noGrad(run) })

  switch (spec.op) {
    case 'matmul': {
      const a = random([spec.m, spec.k])
      const b = random([spec.k, spec.n], 2)
      return plain([a, b], () => matmul(a, b))
    }
    case 'conv2d':
    case 'conv2dBackwardData':
    case 'conv2dBackwardFilter': {
      const { batch, size, from, to } = spec
      const x = random([batch, size, size, from])
      const filter = random([3, 3, from, to], 2)
      const dy = random([batch, size, size, to], 3)
      const options = { padding: 1 }
      const runs = {
        conv2d: () => conv2d(x, filter, options),
        conv2dBackwardData: () => conv2dBackwardData(dy, filter, x.shape, options),
        conv2dBackwardFilter: () => conv2dBackwardFilter(x, dy, filter.shape, options),
      }
      return plain([x, filter, dy], runs[spec.op])
    }
    case 'maxPool2d':
    case 'relu': {
      const x = random(imageShape(spec))
      return plain([x], spec.op === 'relu' ? () => relu(x) : () => maxPool2d(x, { size: 2 }))
    }
    case 'add': {
      const a = random(imageShape(spec))
      const b = random(imageShape(spec), 2)
      return plain([a, b], () => add(a, b))
    }
    case 'softmax': {
      const x = random([spec.rows, spec.columns])
      return plain([x], () => softmax(x))
    }
    case 'batchNorm': {
      const x = requireGradient(random(imageShape(spec)))
      const dy = random(imageShape(spec), 2)
      const gamma = requireGradient(ones([spec.channels], { device }))
      const beta = requireGradient(zeros([spec.channels], { device }))
      const runningMean = zeros([spec.channels], { device })
      const runningVariance = ones([spec.channels], { device })
      const options = { gamma, beta, runningMean, runningVariance, mode: 'update', epsilon: EPSILON } as const
      return {
        inputs: [x, dy, gamma, beta, runningMean, runningVariance],
        run: () => gradients(batchNorm(x, options), [x, gamma, beta], { seed: dy }),
      }
    }
    case 'ntXent': {
      const z = requireGradient(tensor(unitRows(spec.rows, spec.columns), { shape: [spec.rows, spec.columns], device }))
      return { inputs: [z], run: () => gradients(ntXent(z, TEMPERATURE), [z]) }
    }
    case 'infoNCE': {
      const { rows, keys, columns } = spec
      const queries = requireGradient(tensor(unitRows(rows, columns), { shape: [rows, columns], device }))
      const positives = tensor(unitRows(rows, columns, 2), { shape: [rows, columns], device })
      const bank = bankOf(device, keys, columns)
      const run = () => gradients(infoNCE(queries, positives, bank, TEMPERATURE), [queries])
      return { inputs: [queries, positives, ...bank], run }
    }
    case 'ema':
    case 'sgd':
    case 'adamw':
    case 'lars':
      return optimizerWork(device, spec)
    case 'augment':
      return augmentWork(device, spec)
    case 'similarityTopK': {
      const { rows, keys, columns, k } = spec
      const queries = tensor(unitRows(rows, columns), { shape: [rows, columns], device })
      const bank = tensor(unitRows(keys, columns, 2), { shape: [keys, columns], device })
      return plain([queries, bank], () => similarityTopK(queries, bank, k))
    }
  }
}

/** Keys of length 1 on as many pages as the device's bindings want. */
function bankOf(device: Device, keys: number, columns: number): Tensor[] {
  const most = Math.floor(device.info.limits.maxBindingBytes / (4 * columns))
  return Array.from({ length: Math.ceil(keys / most) }, (_, page) => {
    const rows = Math.min(most, keys - page * most)
    return tensor(unitRows(rows, columns, 3 + page), { shape: [rows, columns], device })
  })
}

function optimizerWork(
  device: Device,
  { op, tensors, width }: { op: OptimizerOp; tensors: number; width: number },
): Work {
  const entries = Array.from({ length: tensors }, (_, i) => ({
    name: `tensor ${i}`,
    group: 'decay',
    tensor: { shape: [width, width] },
  }))
  const parameters = new Arena(entries, device, { fill: 0.5 })
  const other = parameters.like(0.25)
  const arenas = [parameters, other]
  if (op === 'ema') {
    const ema = new EMA(parameters, other)
    ema.prepare(EMA_MOMENTUM)
    return { inputs: [ema, ...arenas], run: () => ema.step() }
  }
  const weightDecay = WEIGHT_DECAY
  const optimizer = {
    sgd: () => new SGD(parameters, other, { momentum: MOMENTUM, weightDecay }),
    adamw: () => new AdamW(parameters, other, { betas: BETAS, epsilon: EPSILON, weightDecay }),
    lars: () => new LARS(parameters, other, { momentum: MOMENTUM, eeta: TRUST, weightDecay }),
  }[op]()
  optimizer.prepare({ learningRate: LEARNING_RATE, step: 0 })
  return { inputs: [optimizer, ...arenas], run: () => optimizer.step() }
}

function augmentWork(device: Device, spec: { batch: number; size: number; channels: number }): Work {
  const { batch, size, channels } = spec
  const view = simclrView({
    size,
    mean: Array(channels).fill(0.5),
    std: Array(channels).fill(0.25),
    strength: 0.5,
    blur: true,
  })
  const bytes = Uint8Array.from(noise(batch * size * size * channels), value => 127.5 * (value + 1))
  const images = tensor(bytes, { shape: [batch, size, size, channels], dtype: 'uint8', device })
  const draws = drawView(view, new Generator(1), 2 * batch, { height: size, width: size })
  const parameters = tensor(draws, { shape: [2 * batch, draws.length / (2 * batch)], device })
  const structure = structureOf(view)
  return { inputs: [images, parameters], run: () => augment(images, parameters, structure) }
}

function imageShape({ batch, size, channels }: { batch: number; size: number; channels: number }): Shape {
  return [batch, size, size, channels]
}
