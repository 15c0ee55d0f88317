import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collapsePicture, comparisonPicture, sweepPicture } from '../../src/cli/studyPictures.js'
import { augmentationAxes, axisOf, gridOf } from '../../src/cli/sweepGrid.js'
import type { Result } from '../../src/train/result.js'
import { VIEW_PARTS } from '../../src/views/parts.js'

const baselines = { untrained: { knn: 0.45, linear: 0.6 }, pixels: { knn: 0.91, linear: 0.9 } }
const result = (knn: number | null, linear: number | null) =>
  ({ method: 'simclr', data: 'mnist', epochs: 4, knn, linear, baselines }) as Result

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
    const compared = { method: 'simclr', runs: [result(0.8, 0.9)], folders: ['nowhere'] }
    assert.equal(comparisonPicture([compared]), undefined)
  })

  it('of a comparison has the mean over seeds at the epochs that every run measured', () => {
    const folder = mkdtempSync(join(tmpdir(), 'selfsame-pictures-'))
    try {
      const folders = [
        [0.5, 0.6],
        [0.7, undefined],
      ].map((values, seed) => {
        const run = join(folder, String(seed))
        mkdirSync(run)
        const lines = values.map((knn, i) => JSON.stringify({ kind: 'epoch', epoch: i + 1, ...(knn && { knn }) }))
        writeFileSync(join(run, 'log.jsonl'), ['{"kind":"info"}', ...lines, ''].join('\n'))
        return run
      })
      const picture = comparisonPicture([{ method: 'simclr', runs: [result(0.8, 0.9), result(0.9, 0.9)], folders }])!
      assert.match(picture, />simclr</)
      assert.match(picture, />untrained</)
      // Epochs 1 (0.6) and 4 (0.85): two dots, and none for epoch 2.
      assert.equal(picture.match(/<circle/g)?.length, 2)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('of the laboratory has the spread of each run over its epochs, on a logarithmic axis', () => {
    const folder = mkdtempSync(join(tmpdir(), 'selfsame-pictures-'))
    try {
      const lines = [0.1, 0.01, 0].map((deviation, i) => {
        return JSON.stringify({ kind: 'epoch', epoch: i + 1, deviation, dimension: 64 })
      })
      writeFileSync(join(folder, 'log.jsonl'), lines.join('\n'))
      const run = { name: 'no-predictor', folder, result: result(0.8, 0.9) }
      const picture = collapsePicture([run, { ...run, name: 'nowhere', folder: join(folder, 'none') }])!
      for (const word of ['no-predictor', 'full sphere']) assert.match(picture, new RegExp(`>${word}<`))
      // 0.8 and 0.08 of a full sphere; all alike is not on a logarithmic axis.
      assert.equal(picture.match(/<circle/g)?.length, 2)
      assert.match(picture, />no-predictor: 2, 0\.08</)
      assert.equal(collapsePicture([{ ...run, folder: join(folder, 'none') }]), undefined)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
