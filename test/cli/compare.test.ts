import assert from 'node:assert/strict'
import { comparisonPage, describeComparison, meanOf } from '../../src/cli/comparison.js'
import { describeMethods, methodRows } from '../../src/cli/methods.js'
import { addSettings, listOf } from '../../src/cli/options.js'
import { ConfigError } from '../../src/device/errors.js'
import { methodNames } from '../../src/train/methods/index.js'
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

describe('cli: what is compared', () => {
  it('is a row a method, with the deviation over its seeds, and the baselines below', () => {
    const text = describeComparison([
      { method: 'simclr', runs: [resultOf({ knn: 0.88 }), resultOf({ knn: 0.92 })] },
      { method: 'byol', runs: [resultOf({ embedding, knn: null })] },
    ])
    assert.deepEqual(text.replaceAll(/ +/g, ' ').split('\n').toSpliced(1, 1), [
      'method k-NN linear loss chance images/s MiB std·√d rank embedding',
      'simclr 90.0 % ± 2.8 95.0 % ± 0.0 4.800 ± 0.000 6.236 800 ± 0 512 ± 0 – – –',
      'byol – 95.0 % 4.800 6.236 800 512 0.50 40.0 healthy',
      'untrained 50.0 % ± 0.0 81.0 % ± 0.0',
      'raw pixels 92.0 % ± 0.0 90.5 % ± 0.0',
    ])
  })

  it('says which run failed and why, and has an untrained row for each encoder', () => {
    const lines = describeComparison([
      { method: 'simclr', runs: [resultOf({})] },
      { method: 'mae', runs: [resultOf({ encoder: 'vit-tiny' })] },
      { method: 'byol', runs: [], errors: ['byol-0: the loss of step 3 is NaN'] },
    ]).split('\n')
    assert.match(lines[4]!, /^byol( +–){8} +failed$/)
    assert.deepEqual(
      lines.slice(5).map(line => line.split(/ {2,}/)[0]),
      ['untrained resnet8', 'untrained vit-tiny', 'raw pixels', '', 'byol-0: the loss of step 3 is NaN'],
    )
  })

  it('is a page in Markdown too: in the order of lineage, with the curve at epochs 1, 5, 10 and 15 of 15', () => {
    const curve = Array.from({ length: 15 }, (_, i) => {
      const epoch = i + 1
      return { epoch, step: 39 * epoch, loss: 5, deviation: 0.05, rank: null, knn: epoch === 10 ? null : epoch / 100 }
    })
    const run = { embedding, curve, steps: 585, pretext_accuracy: 0.25, training_seconds: 187.2 }
    const page = comparisonPage([
      { method: 'supervised', runs: [resultOf(run)] },
      {
        method: 'byol',
        runs: [resultOf({ ...run, knn: 0.2 }), resultOf({ ...run, knn: 0.4 })],
        errors: ['byol-2: no'],
      },
    ])
    assert.deepEqual(page.split('\n').slice(2), [
      '| `byol`, 2 seeds | 2020 | 5.432 ± 0.000 → 4.800 ± 0.000 | 6.236 | 40.0 ± 0.0 of 100 | healthy | 0.300 ± 0.141 ' +
        '| 0.950 ± 0.000 | 0.250 ± 0.000 | 3 min 07 s ± 0 s | 800 ± 0 | 0.010, 0.050, –, 0.150 |',
      '| `supervised` | 2015 | 5.432 → 4.800 | 6.236 | 40.0 of 100 | healthy | 0.900 | 0.950 | 0.250 | 3 min 07 s | 800 ' +
        '| 0.010, 0.050, –, 0.150 |',
      '| untrained |  |  |  |  |  | 0.500 ± 0.000 | 0.810 ± 0.000 |  |  |  |  |',
      '| raw pixels |  |  |  |  |  | 0.920 ± 0.000 | 0.905 ± 0.000 |  |  |  |  |',
      '',
      '- byol-2: no',
    ])
    const columns = page
      .split('\n')
      .slice(0, 6)
      .map(line => line.split('|').length)
    assert.equal(new Set(columns).size, 1)
  })

  it('has no mean where a run was not measured', () => {
    assert.deepEqual(meanOf([]), { mean: null })
    assert.deepEqual(meanOf([1, null]), { mean: null })
    assert.deepEqual(meanOf([3]), { mean: 3 })
    assert.deepEqual(meanOf([1, 3]), { mean: 2, deviation: Math.SQRT2 })
  })
})

describe('cli: methods', () => {
  it('are all there, each with a paper and a recipe of minutes; k-means is beside them', () => {
    const rows = methodRows()
    assert.deepEqual(
      rows.map(({ name }) => name),
      [...methodNames, 'kmeans'],
    )
    for (const { name, title, authors, year, url, recipes } of rows) {
      assert.ok(title.length > 10 && authors.length > 3 && year > 1980, name)
      assert.match(url, /^https:\/\//)
      if (name !== 'kmeans') assert.ok(recipes.includes(`mnist-check/${name}`), name)
    }
    for (const name of methodNames) assert.match(describeMethods(rows), new RegExp(`^${name} `, 'm'))
  })
})

describe('cli: --set', () => {
  it('is any setting by its path, as JSON or as a text', () => {
    const settings = addSettings({ batch: 4 }, [
      'batch=8',
      'options.temperature=0.2',
      'data=folder:a=b',
      'projector=[4,2]',
    ])
    assert.deepEqual(settings, { batch: 8, options: { temperature: 0.2 }, data: 'folder:a=b', projector: [4, 2] })
  })

  it('wants a path and a value', () => {
    for (const wrong of ['batch', '=3', 'a..b=1', '__proto__.x=1']) {
      assert.throws(() => addSettings({}, [wrong]), ConfigError, wrong)
    }
  })

  it('lists with commas lose what is empty', () => {
    assert.deepEqual(listOf('a, b,,c'), ['a', 'b', 'c'])
  })
})
