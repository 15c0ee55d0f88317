/** A training step small enough to be run a hundred times: noise pictures, SimCLR, the optimiser of a configuration. */
import type { Dataset } from '../../src/data/dataset.js'
import type { Device, Program } from '../../src/device/device.js'
import { Module } from '../../src/nn/module.js'
import { matmul } from '../../src/ops/matmul.js'
import { reshape } from '../../src/ops/shape.js'
import { SimCLR } from '../../src/ssl/simclr.js'
import { requireGradient, tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { resolveConfig, type Settings } from '../../src/train/recipes.js'
import { assemble, type Session, stateTensors, statisticsOf } from '../../src/train/session.js'
import { simclrView } from '../../src/views/presets.js'

export const COUNT = 24
export const BATCH = 8

const CLASSES = ['one', 'two', 'three', 'four']

/** Noise around a colour for each picture, and a class for each that it does not show. */
export function pictures(side: number, count = COUNT): Dataset {
  const generator = new Generator(5)
  const colours = Array.from({ length: 3 * count }, () => generator.uniform(0, 200))
  const images = Uint8Array.from({ length: count * side * side * 3 }, (_, at) => {
    const image = Math.floor(at / (side * side * 3))
    return colours[3 * image + (at % 3)]! + generator.uniform(0, 55)
  })
  const labels = Int32Array.from({ length: count }, (_, i) => i % CLASSES.length)
  return {
    name: 'noise',
    source: 'noise',
    height: side,
    width: side,
    channels: 3,
    count,
    images,
    labels,
    classes: CLASSES,
  }
}

/** The encoder of least work: x [N, 4, 4, 3] to [N, 6]. */
export class Flat extends Module {
  readonly featureDimension = 6
  readonly weight: Tensor

  constructor(device: Device) {
    super()
    const generator = new Generator(9)
    const values = Float32Array.from({ length: 48 * 6 }, () => generator.uniform(-0.2, 0.2))
    this.weight = requireGradient(tensor(values, { shape: [48, 6], device }))
  }

  forward(x: Tensor): Tensor {
    return matmul(reshape(x, [x.shape[0]!, 48]), this.weight)
  }
}

/** The projector that does nothing. */
class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

export interface TinyRun extends Session {
  /** Parameters, buffers, moments, and what the method keeps. */
  readonly state: ReadonlyMap<string, Tensor>
}

/**
 * A run of a narrow ResNet-8 with batch norm on pictures of `side` pixels, or of the flat encoder, with `settings` on
 * top of the defaults. There are three batches of pictures, and four epochs.
 */
export function tinyRun(
  device: Device,
  { flat = false, side = flat ? 4 : 8, ...settings }: Settings & { flat?: boolean; side?: number } = {},
): TinyRun {
  const config = resolveConfig({ batch: BATCH, width: 4, projector: [8, 8], epochs: 4, ...settings })
  const train = pictures(side, (COUNT / BATCH) * config.batch)
  const view = simclrView({ size: 4, ...statisticsOf(train), strength: 1, blur: false })
  const build = () => new SimCLR(new Flat(device), new Identity(), { temperature: 0.5, views: [view, view] })
  const session = assemble(config, { train, skipped: [] }, device, flat ? build : undefined)
  return { ...session, state: stateTensors(session) }
}

export async function runSteps({ step }: TinyRun, begin: number, end: number): Promise<void> {
  for (let k = begin; k < end; k++) await step.run(k)
}

export async function valuesOf({ state }: TinyRun): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {}
  for (const [name, each] of state) values[name] = [...(await each.data())]
  return values
}

/** The same device, on which a recording is nothing but its body, run anew for every replay. */
export function eager(device: Device): Device {
  const bodies = new Map<number, () => void>()
  return {
    info: device.info,
    plans: device.plans,
    alloc: bytes => device.alloc(bytes),
    free: buffer => device.free(buffer),
    write: (...parts) => device.write(...parts),
    read: (...parts) => device.read(...parts),
    launch: launch => device.launch(launch),
    settle: inFlight => device.settle(inFlight),
    trace: body => device.trace(body),
    memory: () => device.memory(),
    compilation: () => device.compilation(),
    resetPeak: () => device.resetPeak(),
    close: () => device.close(),
    async record(body) {
      const program: Program = { id: bodies.size, launches: [] }
      bodies.set(program.id, body)
      body()
      return program
    },
    replay: ({ id }) => bodies.get(id)!(),
    release: ({ id }) => void bodies.delete(id),
  }
}
