import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import { MLP } from '../../src/nn/mlp.js'
import { ModelState } from '../../src/nn/state.js'
import { cosineMomentum } from '../../src/optim/schedules.js'
import { SGD } from '../../src/optim/sgd.js'
import { BYOL, type BYOLOptions } from '../../src/ssl/byol.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { loadBYOLTrajectory } from '../fixtures/load.js'
import type { Array64 } from '../reference/array.js'
import { eager, runSteps, type TinyRun, tinyRun, valuesOf } from '../train/tiny.js'
import { batchOf } from './batch.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const usual: BYOLOptions = { views: [view, view], jointBatch: true, directions: 'mean', stopGradient: true }

/** An encoder that reads rows of numbers. */
class Rows extends MLP {
  readonly featureDimension: number

  constructor(widths: readonly number[], generator: Generator) {
    super({ widths, generator })
    this.featureDimension = widths.at(-1)!
  }
}

const networks = (seed = 3) => {
  const generator = new Generator(seed)
  const encoder = new Rows([12, 9, 7], generator.split('encoder'))
  const projector = new MLP({ widths: [7, 8, 5], generator: generator.split('projector') })
  return { encoder, projector }
}

const predictor = () => new MLP({ widths: [5, 6, 5], generator: new Generator(4) })

function rows(count: number, seed: number): Tensor {
  const generator = new Generator(seed)
  const values = Float32Array.from({ length: 12 * count }, () => generator.normal())
  return tensor(values, { shape: [count, 12] })
}

/** PyTorch's name of a tensor in a Sequential of linear, norm, ReLU, linear, as ours. */
function ourName(name: string): string {
  return name
    .replace('.0.weight', '.layers.0.linear.weight')
    .replace('.1.weight', '.layers.0.norm.gamma')
    .replace('.1.bias', '.layers.0.norm.beta')
    .replace('.1.running_mean', '.layers.0.norm.runningMean')
    .replace('.1.running_var', '.layers.0.norm.runningVariance')
    .replace('.3.', '.layers.1.linear.')
}

/** PyTorch's linear weights are [out, in]. */
function ourValues({ shape, data }: Array64): Float32Array {
  const [outputs, inputs] = shape
  if (inputs === undefined) return Float32Array.from(data)
  return Float32Array.from(data, (_, i) => data[(i % outputs!) * inputs + Math.floor(i / outputs!)]!)
}

const tiny = (device: Device, options: Record<string, unknown> = {}, settings: Record<string, unknown> = {}): TinyRun =>
  tinyRun(device, { method: 'byol', options: { predictorWidth: 8, momentum: 0.9, ...options }, ...settings })

for (const { name, open } of devices) {
  describe(`ssl/byol on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('takes the steps that PyTorch takes: losses, both networks, the running statistics of each', async () => {
      const { settings, views, initial, losses, online, target: expected } = loadBYOLTrajectory()
      const momentum = cosineMomentum({ base: settings.targetMomentum, totalSteps: losses.length })
      const target = new TargetNetwork(networks(8), { momentum: step => momentum(step + 1) })
      const method = new BYOL({ ...networks(), predictor: predictor(), target }, usual)
      const model = new ModelState(method.modules, { everythingDecays: true })
      for (const { name, tensor } of [...model.parameters.slots, ...model.buffers!.slots]) {
        const [, values] = Object.entries(initial).find(([theirs]) => ourName(theirs) === name)!
        tensor.write(ourValues(values))
      }
      method.attach(model)
      const optimizer = new SGD(model.parameters, model.gradients, settings)
      const [a, b] = views.map(({ shape, data }) => tensor(Float32Array.from(data), { shape, device })) as [
        Tensor,
        Tensor,
      ]
      for (const [step, wanted] of losses.entries()) {
        optimizer.prepare({ learningRate: settings.learningRate, step })
        method.prepare(step)
        const loss = scope(() => {
          const { loss } = method.loss(batchOf(a, b))
          model.gradients.gatherInto(gradients(loss, model.parameters.tensors))
          return loss
        })
        optimizer.step()
        method.afterStep()
        assert.ok(Math.abs((await loss.item()) - wanted) < 1e-5, `loss before step ${step}`)
      }
      const ours = new Map([
        ...[...model.parameters.slots, ...model.buffers!.slots].map(({ name, tensor }) => [name, tensor] as const),
        ...method.state(),
      ])
      const theirs = [
        ...Object.entries(online).map(([name, values]) => [ourName(name), values] as const),
        ...Object.entries(expected).map(([name, values]) => [`target.${ourName(name)}`, values] as const),
      ]
      assert.equal(theirs.length, ours.size)
      for (const [name, values] of theirs) {
        const [actual, wanted] = [await ours.get(name)!.data(), ourValues(values)]
        const error = Math.hypot(...wanted.map((value, i) => value - actual[i]!))
        assert.ok(error <= 1e-5 * Math.hypot(...wanted) + 1e-6, `${name}: off by ${error}`)
      }
    })

    it('moves its target by 1 − (1 − τ)·(1 + cos(π k / K)) / 2, counted from 1, after the optimiser', async () => {
      const run = tiny(device, {}, { steps: 4 })
      const kept = [0.9146447, 0.95, 0.9853553, 1]
      const weight = 'encoder.stem.convolution.filter'
      const read = async (name: string) => [...(await run.state.get(name)!.data())]
      let follower = await read(`method.target.${weight}`)
      assert.deepEqual(follower, await read(weight), 'begins as a copy')
      for (const [step, m] of kept.entries()) {
        await run.step.run(step)
        const leader = await read(weight)
        follower = follower.map((value, i) => m * value + (1 - m) * leader[i]!)
        const found = await read(`method.target.${weight}`)
        assert.ok(Math.hypot(...found.map((value, i) => value - follower[i]!)) < 1e-6, `after step ${step}`)
        follower = found
      }
    })

    it('has targets that begin by themselves, that stand still, and that average the running statistics', async () => {
      const state = async (run: TinyRun, name: string) => [...(await run.state.get(name)!.data())]
      const [weight, statistic] = ['encoder.stem.convolution.filter', 'encoder.stem.norm.runningMean']
      const own = tiny(device, { independentTarget: true, momentum: 1 })
      const before = await state(own, `method.target.${weight}`)
      assert.notDeepEqual(before, await state(own, weight))
      await runSteps(own, 0, 2)
      assert.deepEqual(await state(own, `method.target.${weight}`), before)
      const averaged = tiny(device, { targetStatistics: 'averaged', momentum: 0.5, momentumSchedule: 'constant' })
      await runSteps(averaged, 0, 1)
      const [online, target] = [await state(averaged, statistic), await state(averaged, `method.target.${statistic}`)]
      // They began at 0.
      for (const [i, value] of online.entries()) assert.ok(Math.abs(target[i]! - value / 2) < 1e-7)
      const batch = tiny(device)
      await runSteps(batch, 0, 1)
      const sameWeights = [await state(batch, statistic), await state(batch, `method.target.${statistic}`)]
      for (const [i, value] of sameWeights[0]!.entries()) assert.ok(Math.abs(sameWeights[1]![i]! - value) < 1e-6)
    })

    it('holds predictions against itself at momentum 0: the loss of a target that is a copy', async () => {
      const followed = new TargetNetwork(networks(), { momentum: () => 0.9 })
      const [a, b] = [rows(6, 1), rows(6, 2)]
      for (const jointBatch of [true, false]) {
        const one = new BYOL({ ...networks(), predictor: predictor(), target: followed }, { ...usual, jointBatch })
        const other = new BYOL({ ...networks(), predictor: predictor() }, { ...usual, jointBatch })
        const [x, y] = await Promise.all([one, other].map(method => method.loss(batchOf(a, b)).loss.item()))
        assert.ok(Math.abs(x! - y!) < 1e-6)
        assert.deepEqual(other.state(), [])
      }
    })

    it('adds the losses of the two directions, or averages them', async () => {
      const [a, b] = [rows(6, 1), rows(6, 2)]
      const build = (directions: 'sum' | 'mean') =>
        new BYOL({ ...networks(), predictor: predictor() }, { ...usual, directions })
      const [sum, mean] = [build('sum'), build('mean')]
      assert.ok(
        Math.abs((await sum.loss(batchOf(a, b)).loss.item()) - 2 * (await mean.loss(batchOf(a, b)).loss.item())) < 1e-5,
      )
      assert.deepEqual([sum.chance(), mean.chance()], [4, 2])
    })

    it('sends no gradient to its targets, unless it is told to, which only a network that is its own target can be', async () => {
      const [a, b] = [rows(6, 1), rows(6, 2)]
      const gradientOf = async (stopGradient: boolean) => {
        const method = new BYOL(networks(), { ...usual, stopGradient })
        const weight = method.networks.projector.parameters().at(-2)!
        return (await scope(() => gradients(method.loss(batchOf(a, b)).loss, [weight])[0]!).data()) as Float32Array
      }
      const [stopped, whole] = [await gradientOf(true), await gradientOf(false)]
      // Without a predictor the loss is symmetric in its two sides: each carries half of the gradient.
      const error = Math.hypot(...whole.map((value, i) => value - 2 * stopped[i]!))
      assert.ok(error < 1e-5 * Math.hypot(...whole) && Math.hypot(...whole) > 1e-3)
      const target = new TargetNetwork(networks(), { momentum: () => 0.9 })
      assert.throws(() => new BYOL({ ...networks(), target }, { ...usual, stopGradient: false }), ConfigError)
      assert.throws(() => tiny(device, { stopGradient: false }), /stopGradient: false wants momentum 0/)
    })

    it('gives finite losses and gradients for one image, two images, equal views and images without anything on them', async () => {
      const black = tensor(new Float32Array(48), { shape: [4, 12] })
      for (const [a, b] of [
        [rows(1, 1), rows(1, 2)],
        [rows(2, 1), rows(2, 2)],
        [rows(4, 1), rows(4, 1)],
        [black, black],
      ] as [Tensor, Tensor][]) {
        const method = new BYOL({ ...networks(), predictor: predictor() }, usual)
        const parameters = method.modules.encoder!.parameters()
        const [loss, ...found] = scope(() => {
          const { loss } = method.loss(batchOf(a, b))
          return [loss, ...gradients(loss, parameters)]
        })
        const value = await loss!.item()
        assert.ok(value >= 0 && value <= 4, `loss ${value}`)
        for (const gradient of found) assert.ok((await gradient.data()).every(Number.isFinite))
      }
    })

    it('has the predictors of the ablations', async () => {
      const shapes = (predictor: string) =>
        Object.entries(tiny(device, { predictor }).method.modules).flatMap(([name, module]) =>
          name === 'predictor' ? module.namedParameters().map(([path, { shape }]) => [path, ...shape]) : [],
        )
      assert.deepEqual(shapes('none'), [])
      assert.deepEqual(shapes('linear'), [['weight', 8, 8]])
      assert.deepEqual(shapes('symmetric'), [['weight', 8, 8]])
      assert.equal(shapes('mlp').length, 5)
    })

    it('trains its predictor at a rate and with a decay of its own', async () => {
      const moved = async (options: Record<string, unknown>) => {
        const run = tiny(device, { predictor: 'linear', ...options }, { schedule: { form: 'constant', warmup: 0 } })
        const weight = run.state.get('predictor.weight')!
        const before = [...(await weight.data())]
        await runSteps(run, 0, 1)
        const after = [...(await weight.data())]
        return { before, change: after.map((value, i) => value - before[i]!) }
      }
      const plain = await moved({ predictorWeightDecay: 0 })
      const faster = await moved({ predictorWeightDecay: 0, predictorRate: 10 })
      const decayed = await moved({ predictorWeightDecay: 0.5, predictorRate: 10 })
      const rate = 0.06 * (8 / 256) * 10
      for (const [i, change] of plain.change.entries()) {
        assert.ok(Math.abs(faster.change[i]! - 10 * change) < 1e-6)
        assert.ok(Math.abs(decayed.change[i]! - (faster.change[i]! - rate * 0.5 * plain.before[i]!)) < 1e-6)
      }
    })

    it('is the same recorded and eager, and goes on from its tensors as if it had never stopped', async () => {
      const [whole, plain] = [tiny(device), tiny(eager(device))]
      for (const run of [whole, plain]) await runSteps(run, 0, 7)
      assert.deepEqual(await valuesOf(plain), await valuesOf(whole))
      const killed = tiny(device)
      await runSteps(killed, 0, 4)
      const saved = await readTensors(killed.state)
      const resumed = tiny(device)
      writeTensors(resumed.state, saved, 'memory')
      await runSteps(resumed, 4, 7)
      assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    })

    it('learns: predictions come nearer to their targets, which stay apart', async () => {
      const settings = {
        optimizer: { learningRate: 2 },
        schedule: { form: 'constant' },
        views: { strength: 0.1, area: [0.5, 1] },
      }
      const run = tiny(device, { jointBatch: true, directions: 'mean' }, settings)
      await runSteps(run, 0, 60)
      const metrics = await run.step.metrics(60)
      const mean = (of: 'loss' | 'deviation', begin: number, end: number) =>
        metrics.slice(begin, end).reduce((sum, row) => sum + row[of], 0) / (end - begin)
      const [first, last] = [mean('loss', 0, 10), mean('loss', 50, 60)]
      assert.ok(last < 0.7 * first && first < 2.1, `loss ${first} → ${last}`)
      assert.ok(mean('deviation', 50, 60) > 0.5 / Math.sqrt(8))
    })
  })
}
