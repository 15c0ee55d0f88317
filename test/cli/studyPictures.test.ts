import assert from 'node:assert/strict'
import { collapsePicture, comparisonPicture, sweepPicture } from '../../src/cli/studyPictures.js'
import { augmentationAxes, axisOf, gridOf } from '../../src/cli/sweepGrid.js'
import type { CurvePoint, Result } from '../../src/train/result.js'
import { VIEW_PARTS } from '../../src/views/parts.js'
import { resultOf } from './result.js'

const baselines = { untrained: { knn: 0.45, linear: 0.6 }, pixels: { knn: 0.91, linear: 0.9 } }
const result = (knn: number | null, linear: number | null) => resultOf({ knn, linear, baselines })

/** One point an epoch of two steps. */
const curveOf = (points: readonly Partial<CurvePoint>[]): CurvePoint[] =>
  points.map((point, i) => {
    return { epoch: i + 1, step: 2 * i + 2, loss: 1, deviation: 0.1, rank: null, knn: null, ...point }
  })

describe('cli/studyPictures', () => {
  it('of one axis has a line for each probe, with the values as marks', () => {
    const numbers = gridOf([axisOf('batch', ['64', '256'])], {})
    const picture = sweepPicture(numbers, [result(0.8, 0.9), result(0.85, 0.95)])!
    for (const word of ['linear', 'k-NN', '64', '256', 'batch']) assert.match(picture, new RegExp(`>${word}<`), word)
    const words = gridOf([axisOf('optimizer.name', ['sgd', 'lars'])], {})
    assert.match(sweepPicture(words, [result(0.8, 0.9), result(0.85, 0.95)])!, />lars</)
  })

  it('of augmentations is a heat map, with the pairs that were trained', () => {
    const grid = gridOf(augmentationAxes(), {})
    const picture = sweepPicture(
      grid,
      grid.cells.map((_, i) => result(null, i / 100)),
    )!
    for (const part of VIEW_PARTS) assert.match(picture, new RegExp(`>${part}<`))
    assert.match(picture, />35\.0 %</)
  })

  it('is none where nothing was measured', () => {
    const grid = gridOf([axisOf('batch', ['64'])], {})
    assert.equal(sweepPicture(grid, [result(null, null)]), undefined)
    assert.equal(sweepPicture(grid, [undefined]), undefined)
    assert.equal(comparisonPicture([{ method: 'simclr', runs: [result(0.8, 0.9)] }]), undefined)
    assert.equal(comparisonPicture([{ method: 'simclr', runs: [] }]), undefined)
  })

  it('leaves a gap where a run of a sweep failed', () => {
    const grid = gridOf([axisOf('batch', ['64', '128', '256'])], {})
    const picture = sweepPicture(grid, [undefined, result(0.8, 0.9), result(0.85, 0.95)])!
    assert.equal(picture.match(/<circle/g)?.length, 4)
  })

  it('of a comparison has the mean over seeds at the steps where every run measured', () => {
    const runs = [
      { ...result(0.8, 0.9), curve: curveOf([{ knn: 0.5 }, { knn: 0.6 }, {}, { knn: 0.8 }]) },
      { ...result(0.9, 0.9), curve: curveOf([{ knn: 0.7 }, {}, {}, { knn: 0.9 }]) },
    ]
    const picture = comparisonPicture([{ method: 'simclr', runs }])!
    assert.match(picture, />simclr</)
    assert.match(picture, />untrained</)
    // Steps 2 (0.6) and 8 (0.85): two dots, and none for what one of them measured.
    assert.equal(picture.match(/<circle/g)?.length, 2)
    assert.match(picture, />simclr: 8, 85\.0 %</)
  })

  it('of the laboratory has the spread of each run over its epochs, on a logarithmic axis', () => {
    const collapsing = {
      ...result(0.8, 0.9),
      embedding: { full_deviation: 0.125 } as Result['embedding'],
      curve: curveOf([{ deviation: 0.1 }, { deviation: 0.01 }, { deviation: 0 }]),
    }
    const picture = collapsePicture([
      { name: 'no-predictor', result: collapsing },
      { name: 'nowhere', result: result(0.8, 0.9) },
    ])!
    for (const word of ['no-predictor', 'full sphere']) assert.match(picture, new RegExp(`>${word}<`))
    // 0.8 and 0.08 of a full sphere; all alike is not on a logarithmic axis.
    assert.equal(picture.match(/<circle/g)?.length, 2)
    assert.match(picture, />no-predictor: 2, 0\.08</)
    assert.equal(collapsePicture([{ name: 'nowhere', result: result(0.8, 0.9) }]), undefined)
  })
})
