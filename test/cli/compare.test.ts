import assert from 'node:assert/strict'
import { describeComparison } from '../../src/cli/compare.js'
import { describeMethods, methodRows } from '../../src/cli/methods.js'
import { addSettings, listOf } from '../../src/cli/options.js'
import { ConfigError } from '../../src/device/errors.js'
import { methodNames } from '../../src/train/methods/index.js'
import { meanOf } from '../../src/train/study.js'
import { resultOf } from './result.js'

describe('cli: what is compared', () => {
  it('is a row a method, with the deviation over its seeds, and the baselines below', async () => {
    const embedding = {
      verdict: 'healthy',
      deviation: 0.05,
      full_deviation: 0.1,
      effective_rank: 40,
      uniformity: -3,
      alignment: null,
      dimension: 100,
    } as const
    const text = await describeComparison([
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
