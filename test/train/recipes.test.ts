import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { methodNames } from '../../src/train/methods/index.js'
import { loadRecipe, recipeNames, resolveConfig, resumeConfig, usualRecipe } from '../../src/train/recipes.js'

describe('train/recipes: named settings', () => {
  for (const name of recipeNames()) {
    it(`${name} is a good configuration, with a source`, () => {
      const data = name.includes('/') ? name.split('/')[0]! : 'folder:pictures'
      const recipe = loadRecipe(name, data, '')
      assert.equal(recipe.name, name)
      assert.ok(recipe.source.length > 10 && recipe.note.length > 10)
      assert.equal(resolveConfig({}, name).precision, 'float32')
    })
  }

  it('goes from defaults over the recipe to the command line, field by field', () => {
    const config = resolveConfig({ epochs: 3, optimizer: { learningRate: 0.1 } }, 'mnist/demo-software')
    assert.equal(config.epochs, 3)
    assert.equal(config.width, 16)
    assert.deepEqual(config.optimizer, {
      name: 'sgd',
      learningRate: 0.1,
      scaling: 'linear',
      momentum: 0.9,
      weightDecay: 5e-4,
      decayAll: true,
    })
    assert.equal(config.views.preset, 'peer')
  })

  it('means the recipe of the data set by a short name, and the general one elsewhere', () => {
    assert.equal(loadRecipe('peer', 'mnist', 'simclr').name, 'mnist/peer')
    assert.equal(loadRecipe('peer', 'folder:/pictures', '').name, 'peer')
    assert.equal(loadRecipe('cifar10/simclr', 'folder:/cifar', 'simclr').name, 'cifar10/simclr')
    assert.equal(loadRecipe('mnist-check', 'folder:/pictures', 'simclr').name, 'mnist-check/simclr')
    assert.equal(resolveConfig({ data: 'mnist' }, 'peer').epochs, 10)
    assert.equal(resolveConfig({ data: 'cifar10:/c' }, 'peer').epochs, 15)
  })

  it('has one of peer for every method, all with its batch, schedule and number of steps', () => {
    for (const method of methodNames) {
      const config = resolveConfig({ method, data: 'folder:/pictures' }, 'peer')
      const { batch, epochs, schedule, labels, options } = config
      const images = (options.classes as number | undefined) ?? 10_000 - (labels ?? 0)
      const { labelledPerBatch = 0 } = options as { labelledPerBatch?: number }
      assert.equal(loadRecipe('peer', 'folder:/pictures', method).name, `peer/${method}`)
      assert.deepEqual({ batch, schedule }, { batch: 256, schedule: { form: 'peer', warmupFraction: 0.05 } })
      assert.equal(Math.floor(images / (batch - labelledPerBatch)) * epochs, 585, method)
      assert.equal(config.encoder, method === 'mae' ? 'vit-tiny' : 'resnet8')
    }
  })

  it('has the numbers of the SimCLR README for CIFAR-10', () => {
    const { batch, epochs, optimizer, options, views, encoder, schedule } = resolveConfig({}, 'cifar10/simclr')
    assert.deepEqual(
      { batch, epochs, options, encoder, rate: optimizer.learningRate, decay: optimizer.weightDecay, schedule },
      {
        batch: 512,
        epochs: 1000,
        options: { temperature: 0.5, chunks: 1, keptLayers: 0 },
        encoder: 'resnet18',
        rate: 1,
        decay: 1e-4,
        schedule: { form: 'cosine', warmup: 10 },
      },
    )
    assert.deepEqual([optimizer.name, views.strength, views.blur], ['lars', 0.5, false])
  })

  it('lets a warm-up in epochs replace one in shares', () => {
    assert.deepEqual(resolveConfig({ schedule: { warmup: 2 } }).schedule, { form: 'cosine', warmup: 2 })
    assert.deepEqual(resolveConfig({ schedule: { warmupFraction: 0.1 } }, 'cifar10/simclr').schedule, {
      form: 'cosine',
      warmupFraction: 0.1,
    })
  })

  it('is the one of minutes where digits are trained on and no recipe is named', () => {
    assert.equal(usualRecipe({}), 'mnist-check/simclr')
    assert.equal(usualRecipe({ data: 'folder:/pictures' }), undefined)
  })

  it('lists the recipes there are when asked for another', () => {
    assert.throws(
      () => resolveConfig({}, 'nope'),
      (error: unknown) =>
        error instanceof ConfigError &&
        error.message.startsWith("there is no recipe 'nope' for mnist; there are ") &&
        error.message.includes(', mnist/demo, ') &&
        !error.message.includes('defaults'),
    )
  })
})

describe('train/recipes: what a run is resumed with', () => {
  const saved = JSON.parse(JSON.stringify(resolveConfig({ batch: 128 }, 'mnist/demo'))) as unknown

  it('is what it was started with, whether options are repeated or not', () => {
    assert.deepEqual(resumeConfig(saved), saved)
    assert.deepEqual(resumeConfig(saved, { batch: 128, data: 'mnist' }, 'demo'), saved)
  })

  it('may change where it computes and what it measures', () => {
    const config = resumeConfig(saved, { device: 'webgpu', evaluation: { everyEpochs: 7 } })
    assert.equal(config.device, 'webgpu')
    assert.equal(config.evaluation.everyEpochs, 7)
    assert.equal(config.evaluation.temperature, 0.07)
  })

  it('may not change what is learned', () => {
    assert.throws(() => resumeConfig(saved, { batch: 64 }), {
      name: 'ConfigError',
      message: '--resume: the run was started with batch 128, not 64; leave the option out or choose another --out',
    })
    assert.throws(() => resumeConfig(saved, {}, 'demo'), /started with batch 128, not 256/)
    assert.throws(() => resumeConfig(saved, { steps: 5 }), /started with steps not set, not 5/)
    assert.throws(() => resumeConfig(saved, { optimizer: { learningRate: 1 } }), /started with optimizer \{/)
  })

  it('must be a configuration', () => {
    assert.throws(() => resumeConfig({ batch: 4 }), ConfigError)
  })
})
