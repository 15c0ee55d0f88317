import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describeEvaluation, readLabels } from '../../src/cli/eval.js'
import { namingOptions, settingsFrom } from '../../src/cli/options.js'
import { table } from '../../src/cli/table.js'
import { defaultFolder, describeResult } from '../../src/cli/train.js'
import { ConfigError } from '../../src/device/errors.js'
import { resolveConfig } from '../../src/train/recipes.js'
import type { Result } from '../../src/train/result.js'

const OPTIONS = [
  { flags: '--data <spec>', path: 'data' },
  { flags: '--lr <rate>', path: 'optimizer.learningRate' },
  { flags: '--weight-decay <x>', path: 'optimizer.weightDecay' },
  { flags: '--projector <widths>', path: 'projector' },
  { flags: '--encoder <name>', path: 'encoder' },
]

describe('cli/options: from words to settings', () => {
  it('nests what was given and reads numbers', () => {
    const typed = { data: '7', lr: '1e-3', weightDecay: '0', projector: '256,128', out: 'x' }
    assert.deepEqual(settingsFrom(OPTIONS, typed), {
      data: '7',
      optimizer: { learningRate: 0.001, weightDecay: 0 },
      projector: [256, 128],
    })
    assert.deepEqual(settingsFrom(OPTIONS, { projector: '128' }), { projector: [128] })
    assert.deepEqual(settingsFrom(OPTIONS, { lr: 'fast' }), { optimizer: { learningRate: 'fast' } })
    assert.deepEqual(settingsFrom(OPTIONS, {}), {})
  })

  it('names the option in an error about what was typed, and only there', () => {
    const fail = (message: string) => () => {
      throw new ConfigError(message)
    }
    const given = { optimizer: { learningRate: 0 } }
    assert.throws(() => namingOptions(OPTIONS, given, fail('optimizer.learningRate: wants x')), {
      message: '--lr: wants x',
    })
    for (const message of ['optimizer.weightDecay: wants x', 'optimizer: wants x', 'nothing']) {
      assert.throws(() => namingOptions(OPTIONS, given, fail(message)), { message })
    }
    assert.equal(
      namingOptions(OPTIONS, given, () => 3),
      3,
    )
  })
})

describe('cli/train: where a run goes', () => {
  const time = new Date(2025, 0, 2, 3, 4, 5)
  for (const [data, name] of [
    ['mnist', 'mnist'],
    ['cifar10:/data/x', 'cifar10'],
    ['folder:/data/flowers/', 'flowers'],
    ['folder:C:\\pictures', 'pictures'],
  ] as const) {
    it(`${data} → ${name}`, () => {
      assert.equal(defaultFolder(resolveConfig({ data }), time), join('runs', `simclr-${name}-20250102-030405`))
    })
  }
})

describe('cli: what is printed in the end', () => {
  const result: Result = {
    method: 'simclr',
    data: 'mnist',
    encoder: 'resnet8',
    device: 'webgpu',
    adapter: 'llvmpipe',
    software: true,
    epochs: 4,
    steps: 140,
    batch: 256,
    seed: 0,
    images_per_s: 101.26,
    training_seconds: 353.9,
    loss_first: 5.4321,
    loss_last: 4.8765,
    loss_chance: 6.2364,
    knn: 0.9,
    linear: 0.9512,
    baselines: { pixels: { knn: 0.92, linear: 0.905 }, untrained: { knn: 0.5, linear: 0.81 } },
    metrics: {},
    embedding: {
      verdict: 'healthy',
      deviation: 0.0801,
      full_deviation: 0.0884,
      effective_rank: 61.23,
      uniformity: -3.5,
      alignment: 0.3,
      dimension: 128,
    },
    pretext_accuracy: null,
    peak_bytes: 1e8,
    curve: [],
    compilation: { pipelines: 43, ms: 2149 },
    parameters_sha256: '00',
    config: resolveConfig(),
  }

  it('is a table of the method beside its baselines', () => {
    assert.equal(
      describeResult(result, 'runs/x'),
      [
        '',
        'simclr on mnist: resnet8, 4 epochs, batch 256',
        '101.3 images/s on llvmpipe (software), 43 kernels compiled in 2.1 s',
        'loss 5.432 → 4.877 (chance 6.236)',
        'embedding healthy: std 0.080 (0.088 on a full sphere), rank 61.2 of 128',
        '',
        'features              k-NN   linear',
        '───────────────────────────────────',
        'simclr resnet8      90.0 %   95.1 %',
        'untrained resnet8   50.0 %   81.0 %',
        'raw pixels          92.0 %   90.5 %',
        '',
        'the run is in runs/x',
      ].join('\n'),
    )
  })

  it('says how often the method solves its own task on test images, where it can be asked', () => {
    const lines = describeResult({ ...result, method: 'rotation', pretext_accuracy: 0.7312 }, undefined).split('\n')
    assert.equal(lines[5], 'accuracy 73.1 % at its own task on the test images')
  })

  it('has no table where nothing was measured, and no folder where there is none', () => {
    const none = { knn: null, linear: null }
    const bench = {
      ...result,
      ...none,
      compilation: null,
      epochs: 5 / 35,
      baselines: { pixels: none, untrained: none },
    }
    assert.equal(
      describeResult(bench, undefined),
      [
        '',
        'simclr on mnist: resnet8, 0.143 epochs, batch 256',
        '101.3 images/s on llvmpipe (software)',
        'loss 5.432 → 4.877 (chance 6.236)',
        'embedding healthy: std 0.080 (0.088 on a full sphere), rank 61.2 of 128',
      ].join('\n'),
    )
  })

  it('is one column for one probe', () => {
    const text = describeEvaluation({
      run: 'x',
      kind: 'knn',
      method: 'simclr',
      data: 'mnist',
      encoder: 'resnet8',
      step: 140,
      accuracy: 0.9,
      baselines: { pixels: 0.92, untrained: 0.5 },
    })
    assert.match(text, /^simclr on mnist after 140 steps\n\nfeatures {14}k-NN\n─+\nsimclr resnet8 {6}90.0 %\n/)
  })

  it('has a second column for mutual information, and no pixels where an encoder was trained', () => {
    const run = { run: 'x', method: 'byol', data: 'mnist', encoder: 'resnet8', step: 140, accuracy: 0.9 }
    const clusters = describeEvaluation({
      ...run,
      kind: 'kmeans',
      baselines: { pixels: 0.5, untrained: 0.25 },
      nmi: { trained: 0.8, pixels: 0.4, untrained: 0.1234 },
    })
    assert.match(
      clusters,
      /\nfeatures +k-means +NMI\n─+\nbyol resnet8 +90\.0 % +0\.800\nuntrained resnet8 +25\.0 % +0\.123\nraw /,
    )
    const baselines = { pixels: null, untrained: 0.25 }
    const tuned = describeEvaluation({ ...run, kind: 'finetune', baselines, labels: 100, epochs: 60, batch: 100 })
    assert.match(
      tuned,
      /^byol on mnist after 140 steps, fine-tuned on 100 labels for 60 epochs\n\nfeatures +fine-tuned\n/,
    )
    assert.doesNotMatch(tuned, /pixels/)
  })

  it('reads a number of labels and a share of them', () => {
    assert.deepEqual(
      [readLabels('100'), readLabels('1%'), readLabels('12.5 %')],
      [{ count: 100 }, { share: 0.01 }, { share: 0.125 }],
    )
    for (const typed of ['', '0', '1.5', '0%', '101%', '-3', 'all', '5%%'])
      assert.throws(() => readLabels(typed), ConfigError, typed)
  })

  it('aligns columns of any width', () => {
    assert.equal(
      table([
        ['a', 'bbb'],
        ['cccc', 'd'],
      ]),
      'a      bbb\n──────────\ncccc     d',
    )
  })
})
