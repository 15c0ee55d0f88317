import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { describeSetting, parseConfig } from '../../src/train/config.js'
import { resolveConfig } from '../../src/train/recipes.js'

/** The defaults with one setting changed, unchecked; `undefined` takes it out. */
function changed(path: string, value: unknown): unknown {
  const config = structuredClone(resolveConfig()) as unknown as Record<string, unknown>
  const keys = path.split('.')
  const last = keys.pop()!
  const section = keys.reduce((object, key) => object[key] as Record<string, unknown>, config)
  if (value === undefined) delete section[last]
  else section[last] = value
  return config
}

describe('train/config: what a run is', () => {
  const refused: [path: string, value: unknown, message: string][] = [
    ['options.temperature', -1, 'options.temperature: wants a number above 0, got -1'],
    ['options.temperature', 0, 'options.temperature: wants a number above 0, got 0'],
    ['options.temperature', '0.5', 'options.temperature: wants a number above 0, got "0.5"'],
    ['options.temperature', Number.NaN, 'options.temperature: wants a number above 0, got NaN'],
    ['options', 3, 'options: wants an object of settings, got 3'],
    ['options.queue', 8, 'options.queue: there is no such setting; there are temperature, chunks, keptLayers'],
    ['epochs', undefined, 'epochs: wants a whole number of at least 1, got nothing'],
    ['encoder', 'vit', /^encoder: wants one of resnet8, .*vit-small, got "vit"$/],
    ['method', 'simpler', /^method: wants .*simclr.*, got "simpler"$/],
    ['epochs', 1.5, 'epochs: wants a whole number of at least 1, got 1.5'],
    ['batch', 1, 'batch: wants a whole number of at least 2, got 1'],
    ['seed', -1, 'seed: wants a whole number of at least 0, got -1'],
    ['data', '', 'data: wants a text that is not empty, got ""'],
    ['projector', [], 'projector: wants a list of whole numbers of at least 1, such as [256, 128], got []'],
    ['projector', [256, 0], 'projector: wants a list of whole numbers of at least 1, such as [256, 128], got [256,0]'],
    ['optimizer.learningRate', 0, 'optimizer.learningRate: wants a number above 0, got 0'],
    ['optimizer.momentum', 1, 'optimizer.momentum: wants a number from 0 to 0.999999, got 1'],
    ['optimizer.decayAll', 'yes', 'optimizer.decayAll: wants true or false, got "yes"'],
    ['optimizer', 7, 'optimizer: wants an object of settings, got 7'],
    [
      'views.area',
      [0.5, 0.2],
      'views.area: wants two numbers with 0 < least ≤ most ≤ 1, such as [0.08, 1], got [0.5,0.2]',
    ],
    ['views.area', [0.5], 'views.area: wants two numbers with 0 < least ≤ most ≤ 1, such as [0.08, 1], got [0.5]'],
    ['views.size', 4, 'views.size: wants a whole number from 8 to 1024, got 4'],
    ['limit', 100, 'limit: wants at least one batch of 256 images, got 100; take a smaller batch'],
    ['schedule.form', 'steps', 'schedule: wants drops (in epochs) and factor for the form steps'],
    ['schedule.drops', [0], 'schedule.drops: wants a list of numbers above 0, such as [120, 160], got [0]'],
    ['schedule.warmup', 3, 'schedule: wants warmup (in epochs) or warmupFraction, got both'],
    ['temprature', 1, /^temprature: there is no such setting; there are method, data, /],
    ['optimizer.lr', 1, /^optimizer\.lr: there is no such setting; there are name, learningRate, /],
  ].map(row => row as [string, unknown, string])

  for (const [path, value, message] of refused) {
    it(`refuses ${path} ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => parseConfig(changed(path, value)),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError)
          if (typeof message === 'string') assert.equal(error.message, message)
          else assert.match(error.message, message)
          return true
        },
      )
    })
  }

  it('refuses what is no object', () => {
    assert.throws(() => parseConfig(undefined), { message: 'configuration: wants an object of settings, got nothing' })
  })

  it('takes every optional setting and gives it back', () => {
    for (const [path, value] of [
      ['width', 16],
      ['steps', 10],
      ['limit', 256],
      ['adapter', 'software'],
      ['views.size', 32],
      ['views.area', [0.2, 0.2]],
      ['views.flip', 0],
      ['optimizer.eeta', 0.001],
      ['evaluation.neighbours', 20],
      ['checkpoint.everySteps', 5],
    ] as const) {
      const config = changed(path, value)
      assert.deepEqual(parseConfig(config), config)
    }
  })

  it('describes a setting, with its choices', () => {
    assert.equal(describeSetting('optimizer.name'), 'The optimiser. One of sgd, lars, adamw.')
    assert.equal(describeSetting('limit'), 'Train on a random so many of the images.')
    assert.match(describeSetting('options.temperature'), /^[Tτ] of .*\.$/)
  })
})
