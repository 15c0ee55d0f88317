import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { AdamW } from '../../src/optim/adamw.js'
import { LARS } from '../../src/optim/lars.js'
import { SGD } from '../../src/optim/sgd.js'
import { zeros } from '../../src/tensor/create.js'
import { buildModel, buildOptimizer, learningRateOf, viewsOf } from '../../src/train/build.js'
import { buildKept, networkBuilders } from '../../src/train/networks.js'
import { resolveConfig, type Settings } from '../../src/train/recipes.js'
import { assemble } from '../../src/train/session.js'
import { pictures } from './tiny.js'

const GREY = { mean: [0.1], std: [0.3] }
const RGB = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.2, 0.2] }

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${actual}, wanted ${expected}`)
}

describe('train/build: schedules of a configuration', () => {
  it('peer is its script, line for line', () => {
    const [total, batch] = [350, 256]
    const rate = learningRateOf(resolveConfig({}, 'peer'), total, 35)
    for (const it of [0, 1, 10, 17, 18, 200, 349]) {
      const script = 0.06 * (batch / 256) * 0.5 * (1 + Math.cos((Math.PI * it) / total))
      near(rate(it), script * Math.min(1, (it + 1) / (total * 0.05 + 1)))
    }
    near(learningRateOf(resolveConfig({ batch: 64 }, 'peer'), total, 35)(100), rate(100) / 4)
  })

  it('warms up over epochs or over a share of the steps, then falls along a cosine to nothing', () => {
    const epochs = learningRateOf(resolveConfig({ schedule: { form: 'cosine', warmup: 2 } }), 100, 10)
    const share = learningRateOf(resolveConfig({ schedule: { form: 'cosine', warmupFraction: 0.2 } }), 100, 10)
    for (const rate of [epochs, share]) {
      near(rate(0), 0)
      near(rate(10), 0.03)
      near(rate(20), 0.06)
      near(rate(60), 0.03)
      near(rate(100), 0)
    }
  })

  it('ends a cosine at a share of the peak where that is asked for, and refuses it of other forms', () => {
    const schedule = { form: 'cosine', warmup: 2, final: 0.1 }
    const rate = learningRateOf(resolveConfig({ schedule }), 100, 10)
    near(rate(20), 0.06)
    near(rate(60), 0.033)
    near(rate(100), 0.006)
    assert.throws(
      () => resolveConfig({ schedule: { form: 'constant', final: 0.1 } }),
      /^ConfigError: schedule.final: is for the form cosine, not for constant$/,
    )
  })

  it('stays constant after the warm-up where it should, and never warms up for longer than the run', () => {
    const rate = learningRateOf(resolveConfig({ schedule: { form: 'constant', warmup: 1 } }), 100, 10)
    near(rate(5), 0.03)
    near(rate(10), 0.06)
    near(rate(99), 0.06)
    const short = learningRateOf(resolveConfig({ schedule: { form: 'cosine', warmup: 10 } }), 4, 35)
    near(short(2), 0.03)
  })

  it('falls by a factor at the epochs that are named, after a warm-up where there is one', () => {
    const schedule = { form: 'steps', drops: [4, 6.5], factor: 0.1 }
    const rate = learningRateOf(resolveConfig({ schedule: { ...schedule, warmup: 2 } }), 100, 10)
    for (const [step, value] of [
      [0, 0],
      [10, 0.03],
      [20, 0.06],
      [39, 0.06],
      [40, 0.006],
      [64, 0.006],
      [65, 0.0006],
      [99, 0.0006],
    ] as const) {
      near(rate(step), value)
    }
    near(learningRateOf(resolveConfig({ schedule: { ...schedule, warmup: 0 } }), 100, 10)(0), 0.06)
  })

  it('scales the rate to the batch linearly, by the root, or not at all', () => {
    const peak = (scaling: string) =>
      learningRateOf(
        resolveConfig({ batch: 1024, optimizer: { scaling }, schedule: { form: 'constant', warmup: 0 } }),
        10,
        5,
      )(3)
    near(peak('linear'), 0.24)
    near(peak('sqrt'), 0.12)
    near(peak('none'), 0.06)
  })
})

describe('train/build: views of a configuration', () => {
  it('peer turns digits and does not flip them, and flips and greys colours', () => {
    const digits = viewsOf(resolveConfig({}, 'peer'), 28, GREY)[0]
    const { normalise, jitter, ...rest } = digits
    assert.deepEqual(rest, {
      height: 28,
      width: 28,
      crop: { kind: 'affine', area: [0.4, 1], aspect: [3 / 4, 4 / 3] },
      interpolation: 'bilinear',
      padding: 'zeros',
      flip: 0,
      rotation: 0.35,
      greyscale: 0,
    })
    assert.deepEqual(normalise, GREY)
    assert.deepEqual(jitter, {
      probability: 0.8,
      brightness: 0.4,
      contrast: 0.4,
      saturation: 0.4,
      hue: 0.1,
      randomOrder: false,
      style: 'yiq',
    })
    const colours = viewsOf(resolveConfig({}, 'peer'), 32, RGB)[0]
    assert.deepEqual(
      [colours.flip, colours.rotation, colours.greyscale, colours.padding, colours.crop?.area],
      [0.5, 0, 0.2, 'reflection', [0.2, 1]],
    )
  })

  it('simclr takes strength, blur, area, flip and size from the configuration', () => {
    const cifar = viewsOf(resolveConfig({ data: 'cifar10:x' }, 'simclr'), 32, RGB)[0]
    assert.deepEqual(
      [cifar.jitter?.brightness, cifar.jitter?.hue, cifar.blur, cifar.flip, cifar.crop?.area],
      [0.4, 0.1, undefined, 0.5, [0.08, 1]],
    )
    const imagenet = viewsOf(resolveConfig({ data: 'folder:x' }, 'imagenet/simclr'), 224, RGB)[0]
    assert.deepEqual([imagenet.jitter?.brightness, imagenet.blur?.sigma, imagenet.height], [0.8, [0.1, 2], 224])
    const digits = viewsOf(resolveConfig({}, 'simclr'), 28, GREY)[0]
    assert.deepEqual([digits.flip, digits.crop?.area], [0, [0.4, 1]])
  })
})

describe('train/build: models and optimisers of a configuration', () => {
  const train = pictures(8)
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  function model(settings: Settings, recipe?: string) {
    const config = resolveConfig({ batch: 8, width: 4, projector: [16, 8], ...settings }, recipe)
    const { method } = assemble(config, { train, skipped: [] }, device)
    const state = buildModel(config, method)
    return { config, method, state, names: state.parameters.slots.map(({ name }) => name) }
  }

  it('puts batch norm into the projector where it is told to', () => {
    const projector = (settings: Settings) => model(settings).names.filter(name => name.startsWith('projector.'))
    assert.deepEqual(projector({ projectorNorm: 'none' }).sort(), [
      'projector.layers.0.linear.bias',
      'projector.layers.0.linear.weight',
      'projector.layers.1.linear.bias',
      'projector.layers.1.linear.weight',
    ])
    assert.deepEqual(projector({ projectorNorm: 'hidden' }).sort(), [
      'projector.layers.0.linear.weight',
      'projector.layers.0.norm.beta',
      'projector.layers.0.norm.gamma',
      'projector.layers.1.linear.bias',
      'projector.layers.1.linear.weight',
    ])
    // Three layers, as SimCLR's official code has them: the last norm scales and does not shift.
    assert.deepEqual(projector({ projectorNorm: 'all', projector: [16, 16, 8] }).sort(), [
      'projector.layers.0.linear.weight',
      'projector.layers.0.norm.beta',
      'projector.layers.0.norm.gamma',
      'projector.layers.1.linear.weight',
      'projector.layers.1.norm.beta',
      'projector.layers.1.norm.gamma',
      'projector.layers.2.linear.weight',
      'projector.layers.2.norm.gamma',
    ])
  })

  it("draws an encoder's weights from the seed alone", async () => {
    const weights = async (settings: Settings) => {
      const config = resolveConfig({ width: 4, ...settings })
      return [...(await networkBuilders(config, { channels: 3, size: 8, device }).encoder().stateDict())].map(
        ([name, { data }]) => [name, [...data]],
      )
    }
    const first = await weights({})
    assert.deepEqual(await weights({ projector: [4, 4], batch: 8, data: 'folder:x' }), first)
    assert.notDeepEqual(await weights({ seed: 1 }), first)
    assert.notDeepEqual(await weights({ initialisation: 'pytorch' }), first)
  })

  it("keeps the first layers of SimCLR v2's head with the encoder, for evaluation too", async () => {
    const settings = { width: 4, projector: [12, 8, 6], options: { keptLayers: 1 } }
    const { config, method } = model(settings)
    const { encoder } = method
    assert.equal(encoder.featureDimension, 12)
    assert.deepEqual(
      Object.keys(method.modules).map(name => method.modules[name]!.parameters().at(-1)!.shape),
      [[12], [6]],
    )
    const x = zeros([2, 8, 8, 3], { device })
    encoder.eval()
    assert.deepEqual(encoder.forward(x).shape, [2, 12])
    // The same names, shapes and initial weights as in training.
    const kept = await buildKept(config, { channels: 3, size: 8, device }).stateDict()
    assert.deepEqual(kept, await encoder.stateDict())
    assert.ok(kept.has('head.layers.0.norm.gamma') && [...kept.keys()].some(name => name.startsWith('body.stem')))
    const all = { ...config, options: { ...config.options, keptLayers: 0 } }
    assert.equal(buildKept(all, { channels: 3, size: 8, device }).featureDimension, 16)
  })

  it('decays biases and norms for peer, and not for SimCLR', () => {
    const groups = (recipe: string) => {
      const { config, state, method } = model({}, recipe)
      const values = { learningRate: 1, step: 0 }
      return buildOptimizer(config, state, method).groups.map(group => [group.name, group.decay(values)])
    }
    assert.deepEqual(groups('peer'), [['decay', 5e-4]])
    assert.deepEqual(groups('cifar10/simclr').sort(), [
      ['decay', 1e-4],
      ['noDecay', 0],
    ])
  })

  it('has the optimiser that is asked for, with its moments for every parameter', () => {
    const kinds = [
      ['sgd', SGD, ['momentum']],
      ['lars', LARS, ['momentum']],
      ['adamw', AdamW, ['mean', 'square']],
    ] as const
    for (const [name, kind, moments] of kinds) {
      const { config, state, method, names } = model({ optimizer: { name } })
      const optimizer = buildOptimizer(config, state, method)
      assert.ok(optimizer instanceof kind)
      const wanted = moments.flatMap(moment => names.map(each => `${moment}.${each}`))
      assert.deepEqual(
        optimizer
          .state()
          .map(([each]) => each)
          .sort(),
        wanted.sort(),
      )
    }
  })
})
