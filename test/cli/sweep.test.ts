import assert from 'node:assert/strict'
import { describeSweep } from '../../src/cli/sweep.js'
import { augmentationAxes, axisOf, gridOf } from '../../src/cli/sweepGrid.js'
import { ConfigError } from '../../src/device/errors.js'
import type { Result } from '../../src/train/result.js'
import { VIEW_PARTS } from '../../src/views/parts.js'

const result = (knn: number, linear: number) => ({ knn, linear, loss_last: 1, embedding: null }) as Result

describe('cli/sweep: the grid', () => {
  it('is a cell a value over one axis, on top of the settings', () => {
    const { cells } = gridOf([axisOf('batch', ['64', '128'])], { method: 'simclr' })
    assert.deepEqual(cells, [
      { name: 'batch=64', at: [0], settings: { method: 'simclr', batch: 64 } },
      { name: 'batch=128', at: [1], settings: { method: 'simclr', batch: 128 } },
    ])
  })

  it('is every combination over two', () => {
    const { cells } = gridOf([axisOf('batch', ['64', '128']), axisOf('options.temperature', ['0.1', '0.5'])], {})
    assert.deepEqual(
      cells.map(({ at, settings }) => [at, settings]),
      [
        [[0, 0], { batch: 64, options: { temperature: 0.1 } }],
        [[0, 1], { batch: 64, options: { temperature: 0.5 } }],
        [[1, 0], { batch: 128, options: { temperature: 0.1 } }],
        [[1, 1], { batch: 128, options: { temperature: 0.5 } }],
      ],
    )
    assert.equal(new Set(cells.map(({ name }) => name)).size, 4)
  })

  it('of augmentations has every part alone and every pair once', () => {
    const { cells } = gridOf(augmentationAxes(), {})
    const count = VIEW_PARTS.length
    assert.equal(cells.length, (count * (count + 1)) / 2)
    assert.deepEqual(cells[0], { name: 'crop', at: [0, 0], settings: { views: { parts: ['crop'] } } })
    assert.deepEqual(cells[1], { name: 'crop+flip', at: [0, 1], settings: { views: { parts: ['crop', 'flip'] } } })
  })

  it('refuses a setting without values and a value twice', () => {
    assert.throws(() => axisOf('batch', []), ConfigError)
    assert.throws(() => axisOf('batch', ['64', '64']), ConfigError)
  })
})

describe('cli/sweep: what is printed', () => {
  const lines = (text: string) => text.replaceAll(/ +/g, ' ').split('\n')

  it('is a line a value over one axis', () => {
    const grid = gridOf([axisOf('batch', ['64', '128'])], {})
    assert.deepEqual(lines(describeSweep(grid, [result(0.5, 0.6), result(0.7, 0.8)])).toSpliced(1, 1), [
      'batch k-NN linear loss embedding',
      '64 50.0 % 60.0 % 1.000 –',
      '128 70.0 % 80.0 % 1.000 –',
    ])
  })

  it('is a square for each probe over two', () => {
    const grid = gridOf([axisOf('a', ['1', '2']), axisOf('b', ['3'])], {})
    const text = lines(describeSweep(grid, [result(0.5, 0.6), result(0.7, 0.8)]))
    assert.deepEqual(text, [
      'linear',
      'a \\ b 3',
      '─'.repeat(14),
      '1 60.0 %',
      '2 80.0 %',
      '',
      'k-NN',
      'a \\ b 3',
      '─'.repeat(14),
      '1 50.0 %',
      '2 70.0 %',
    ])
  })
})
