import assert from 'node:assert/strict'
import {
  type Dataset,
  datasetStatistics,
  holdOut,
  holdOutIndices,
  limitIndices,
  subset,
} from '../../src/data/dataset.js'
import { ConfigError, DataError } from '../../src/device/errors.js'

const colours: Dataset = {
  name: 'colours',
  source: 'folder:colours',
  height: 1,
  width: 2,
  channels: 3,
  count: 3,
  images: Uint8Array.from([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170]),
  labels: Int32Array.of(4, -1, 6),
  classes: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
}

describe('data/dataset', () => {
  it('takes a subset in the order asked for, as a copy, with its labels', () => {
    const picked = subset(colours, [2, 0, 2])
    assert.equal(picked.count, 3)
    assert.deepEqual([...picked.images.subarray(0, 8)], [120, 130, 140, 150, 160, 170, 0, 10])
    assert.deepEqual([...picked.labels!], [6, 4, 6])
    assert.deepEqual(picked.classes, colours.classes)
    picked.images[0] = 1
    assert.equal(colours.images[12], 120)
  })

  it('takes a subset of unlabelled images, which stays unlabelled', () => {
    const { labels: _labels, classes: _classes, ...unlabelled } = colours
    assert.equal('labels' in subset(unlabelled, [1]), false)
  })

  it('refuses an index outside', () => {
    assert.throws(() => subset(colours, [3]), new DataError('subset: index 3 is not in 0 … 2 of folder:colours'))
    assert.throws(() => subset(colours, [-1]), DataError)
  })

  it('limits to a random ascending choice that the seed decides', () => {
    const chosen = limitIndices(1000, 100, 7)
    assert.equal(new Set(chosen).size, 100)
    assert.deepEqual(
      [...chosen],
      [...chosen].sort((a, b) => a - b),
    )
    assert.ok(chosen.at(-1)! < 1000)
    assert.ok(chosen.at(-1)! > 800 && chosen[0]! < 200, 'the choice spans the whole range')
    assert.deepEqual(limitIndices(1000, 100, 7), chosen)
    assert.notDeepEqual(limitIndices(1000, 100, 8), chosen)
    assert.deepEqual([...limitIndices(3, 5, 0)], [0, 1, 2])
    assert.deepEqual([...limitIndices(3, undefined, 0)], [0, 1, 2])
    for (const limit of [0, -1, 1.5, Number.NaN]) assert.throws(() => limitIndices(10, limit, 0), ConfigError)
  })

  it('holds out a tenth, and never leaves a side empty', () => {
    const { train, test } = holdOutIndices(45)
    assert.equal(test.length, 5)
    assert.deepEqual(
      [...train, ...test].sort((a, b) => a - b),
      [...Array(45).keys()],
    )
    const two = holdOutIndices(2)
    assert.deepEqual([two.train.length, two.test.length], [1, 1])
    assert.throws(() => holdOutIndices(1), DataError)

    const splits = holdOut(colours)
    assert.deepEqual([splits.train.count, splits.test.count], [2, 1])
    assert.deepEqual([...splits.train.labels!, ...splits.test.labels!].sort(), [-1, 4, 6])
  })

  it('counts mean and population deviation of each channel', () => {
    const { mean, std } = datasetStatistics(colours)
    // Each channel takes steps of 30: 0, 30, …, 150 and the same shifted by 10 and 20.
    const deviation = Math.sqrt((75 ** 2 + 45 ** 2 + 15 ** 2) / 3) / 255
    for (const [channel, expected] of [75, 85, 95].entries()) {
      assert.ok(Math.abs(mean[channel]! - expected / 255) < 1e-15)
      assert.ok(Math.abs(std[channel]! - deviation) < 1e-15)
    }
    assert.throws(() => datasetStatistics({ ...colours, count: 0, images: new Uint8Array() }), DataError)
  })
})
