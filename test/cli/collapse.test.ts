import assert from 'node:assert/strict'
import { chosenAblations, describeFindings } from '../../src/cli/collapse.js'
import { markdownTable } from '../../src/cli/table.js'
import { ConfigError } from '../../src/device/errors.js'
import { ABLATIONS, judge } from '../../src/train/laboratory.js'
import { mergeSettings, resolveConfig } from '../../src/train/recipes.js'
import { resultOf } from './result.js'

const embedding = {
  verdict: 'healthy',
  deviation: 0.05,
  full_deviation: 0.1,
  effective_rank: 40,
  uniformity: -3,
  alignment: null,
  dimension: 100,
} as const

const untrained = { knn: 0.4, linear: 0.7 }
const found = (linear: number | null, verdict: 'healthy' | 'collapsed' = 'healthy') =>
  resultOf({
    knn: 0.8,
    linear,
    baselines: { pixels: { knn: 0.92, linear: 0.9 }, untrained: linear === null ? { knn: null, linear } : untrained },
    embedding: { ...embedding, verdict },
  })

describe('cli: the collapse laboratory', () => {
  it('changes one thing of the first row in each, by settings that the methods have', () => {
    const configs = ABLATIONS.map(({ settings }) => resolveConfig(settings, 'collapse'))
    assert.equal(new Set(configs.map(config => JSON.stringify(config))).size, ABLATIONS.length)
    assert.equal(new Set(ABLATIONS.map(({ name }) => name)).size, ABLATIONS.length)
    for (const { data, encoder, epochs, batch, seed, projector } of configs) {
      const { data: first, ...others } = { data, encoder, epochs, batch, seed, projector }
      assert.equal(first, 'mnist')
      const [reference] = configs
      for (const [key, value] of Object.entries(others))
        assert.deepEqual(value, reference![key as keyof typeof reference])
    }
    const shorter = mergeSettings({ epochs: 1, options: { momentum: 0.5 } }, ABLATIONS[2]!.settings)
    assert.deepEqual(shorter, { epochs: 1, method: 'byol', options: { momentum: 0 } })
  })

  it('says that a row fails which collapsed, or which gains less than half of what the whole network gains', () => {
    const [whole] = ABLATIONS
    const failing = ABLATIONS.find(({ expected }) => expected === 'fails')!
    const disputed = ABLATIONS.find(({ expected }) => expected === undefined)!
    const best = found(0.9)
    assert.deepEqual(judge(whole!, best, best), { ablation: whole, result: best, outcome: 'learns', agrees: true })
    for (const [result, outcome] of [
      [found(0.79), 'fails'],
      [found(0.81), 'learns'],
      [found(0.9, 'collapsed'), 'fails'],
      [found(null), 'learns'],
    ] as const) {
      assert.equal(judge(failing, result, best).outcome, outcome)
      assert.equal(judge(failing, result, best).agrees, outcome === 'fails')
      assert.equal(judge(disputed, result, best).agrees, null)
    }
  })

  it('always has the whole network to hold the others against', () => {
    assert.equal(chosenAblations(undefined).length, ABLATIONS.length)
    const names = chosenAblations('symmetric,no-ema').map(({ name }) => name)
    assert.deepEqual(names, ['byol', 'no-ema', 'symmetric'])
    assert.throws(() => chosenAblations('no-luck'), ConfigError)
  })

  it('is a row an ablation beside what was published, with the sources below', () => {
    const [whole, second, third] = chosenAblations('no-predictor,no-ema')
    const best = found(0.9)
    const text = describeFindings([
      judge(whole!, best, best),
      judge(second!, found(0.71, 'collapsed'), best),
      judge(third!, best, best),
    ])
    assert.deepEqual(text.replaceAll(/ +/g, ' ').split('\n').toSpliced(1, 1), [
      'setting published direction std·√d rank embedding k-NN linear ours agrees',
      'BYOL 72.5 a learns 0.50 40.0 healthy 80.0 % 90.0 % learns yes',
      'no predictor 0.2 a fails 0.50 40.0 collapsed 80.0 % 71.0 % fails yes',
      'no EMA: the target is the online network 0.3 a, 67.7 b disputed 0.50 40.0 healthy 80.0 % 90.0 % learns –',
      'untrained encoder 40.0 % 70.0 %',
      '',
      'As published in 2 of 2 rows that the papers are clear about.',
      '',
      'Published, linear, in per cent:',
      '- a: Grill et al. 2020, table 5: ImageNet, 300 epochs (https://arxiv.org/abs/2006.07733)',
      '- b: Chen & He 2021, figure 2 and table 3: ImageNet, 100 epochs (https://arxiv.org/abs/2011.10566)',
      '',
      'An ablation fails where its embeddings collapse, or where the linear probe gains less than half of what it gains ' +
        'with the first row over the untrained encoder.',
    ])
  })

  it('names the rows that do not agree, in Markdown as well', () => {
    const [whole, second] = chosenAblations('no-predictor')
    const best = found(0.9)
    const page = describeFindings([judge(whole!, best, best), judge(second!, best, best)], markdownTable)
    assert.match(page, /^\| setting \| published \| direction .*\n\| --- .*\n\| BYOL \| 72\.5 a \| learns \| 0\.50 /)
    assert.match(page, /\| no predictor \| 0\.2 a \| fails .*\| learns \| no \|\n/)
    assert.match(page, /As published in 1 of 2 rows .* about; otherwise: no predictor\.\n/)
  })
})
