import assert from 'node:assert/strict'
import { keepLabels, sampler, twoStreamSampler } from '../../src/data/sampler.js'
import { ConfigError } from '../../src/device/errors.js'
import { Generator } from '../../src/tensor/philox.js'

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b)
const range = (first: number, end: number) => Int32Array.from({ length: end - first }, (_, i) => first + i)

/** How often each number comes. */
function counts(values: Iterable<number>): Map<number, number> {
  const found = new Map<number, number>()
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1)
  return found
}

describe('data/sampler: whole batches of a permutation', () => {
  it('takes the permutation of the epoch from front to back, whatever was asked before', () => {
    const order = sampler({ count: 23, batch: 5, seed: 7 })
    assert.equal(order.stepsPerEpoch, 4)
    const expected = (step: number) => {
      const permutation = new Generator(7).split(`order/${Math.floor(step / 4)}`).permutation(23)
      return [...permutation.slice(5 * (step % 4), 5 * (step % 4) + 5)]
    }
    for (const step of [0, 1, 3, 4, 9, 2, 0]) assert.deepEqual([...order.indices(step)], expected(step), `step ${step}`)
  })
})

describe('data/sampler: two streams', () => {
  const options = { labelled: range(100, 105), unlabelled: range(0, 23), batch: 6, labelledPerBatch: 2, seed: 3 }

  it('puts so many labelled images first, and drops none of a stream before another comes twice', () => {
    const order = twoStreamSampler(options)
    assert.equal(order.stepsPerEpoch, Math.floor(23 / 4))
    const batches = Array.from({ length: 46 }, (_, step) => [...order.indices(step)])
    const known = batches.flatMap(batch => batch.slice(0, 2))
    const unknown = batches.flatMap(batch => batch.slice(2))
    assert.equal(known.length, 92)
    for (let round = 0; round + 5 <= known.length; round += 5) {
      assert.deepEqual(sorted(known.slice(round, round + 5)), [100, 101, 102, 103, 104])
    }
    for (let round = 0; round < 8 * 23; round += 23) {
      assert.deepEqual(sorted(unknown.slice(round, round + 23)), [...options.unlabelled])
    }
    assert.notDeepEqual(unknown.slice(0, 23), unknown.slice(23, 46), 'each round has an order of its own')
    assert.notDeepEqual(known.slice(0, 5), known.slice(5, 10))
  })

  it('depends on seed and step alone', () => {
    const [once, again] = [twoStreamSampler(options), twoStreamSampler(options)]
    const forward = Array.from({ length: 12 }, (_, step) => [...once.indices(step)])
    const backward = Array.from({ length: 12 }, (_, i) => [...again.indices(11 - i)]).reverse()
    assert.deepEqual(backward, forward)
    assert.notDeepEqual([...twoStreamSampler({ ...options, seed: 4 }).indices(0)], forward[0])
  })

  it('repeats labelled images within a batch that takes more than there are', () => {
    const order = twoStreamSampler({ ...options, labelled: Int32Array.of(50, 51), labelledPerBatch: 4 })
    const found = counts(order.indices(0).slice(0, 4))
    assert.deepEqual([...found].sort(), [
      [50, 2],
      [51, 2],
    ])
  })

  it('refuses streams that cannot fill a batch', () => {
    const refused = (changed: Partial<typeof options>, message: RegExp) =>
      assert.throws(
        () => twoStreamSampler({ ...options, ...changed }),
        (error: Error) => error instanceof ConfigError && message.test(error.message),
      )
    refused({ labelledPerBatch: 6 }, /wants from 1 to 5 labelled images in a batch of 6, got 6/)
    refused({ labelledPerBatch: 0 }, /got 0/)
    refused({ labelledPerBatch: 1.5 }, /got 1.5/)
    refused({ labelled: new Int32Array() }, /at least 1 labelled image/)
    refused({ unlabelled: range(0, 3) }, /takes 4 unlabelled images, and there are 3/)
  })
})

describe('data/sampler: labels that are kept', () => {
  // 40 images of class 0, 40 of class 1, 3 of class 2, 7 without a label.
  const labels = Int32Array.from({ length: 90 }, (_, i) => (i < 40 ? 0 : i < 80 ? 1 : i < 83 ? 2 : -1))
  const perClass = (kept: Int32Array) => {
    const found = counts(kept)
    return [0, 1, 2].map(label => found.get(label) ?? 0)
  }

  it('keeps equally many of every class, as far as a class has them', () => {
    assert.deepEqual(perClass(keepLabels(labels, { count: 6 }, 0)), [2, 2, 2])
    assert.deepEqual(perClass(keepLabels(labels, { count: 23 }, 0)), [10, 10, 3])
    assert.deepEqual(perClass(keepLabels(labels, { count: 83 }, 0)), [40, 40, 3])
    const uneven = perClass(keepLabels(labels, { count: 8 }, 0))
    assert.deepEqual(sorted(uneven), [2, 3, 3])
  })

  it('invents no label, and chooses by the seed', () => {
    const kept = keepLabels(labels, { count: 20 }, 1)
    kept.forEach((label, i) => {
      assert.ok(label === -1 || label === labels[i])
    })
    assert.deepEqual(keepLabels(labels, { count: 20 }, 1), kept)
    assert.notDeepEqual(keepLabels(labels, { count: 20 }, 2), kept)
    // Fewer are some of the more, so that curves over the number of labels are nested.
    const fewer = keepLabels(labels, { count: 10 }, 1)
    fewer.forEach((label, i) => {
      assert.ok(label === -1 || kept[i] === label)
    })
  })

  it('takes a share of the labelled ones, at least one', () => {
    assert.equal(sum(perClass(keepLabels(labels, { share: 0.1 }, 0))), 8)
    assert.equal(sum(perClass(keepLabels(labels, { share: 1 }, 0))), 83)
    assert.equal(sum(perClass(keepLabels(labels, { share: 1e-9 }, 0))), 1)
  })

  it('refuses more labels than there are, and shares that are none', () => {
    const refused = (budget: Parameters<typeof keepLabels>[1], message: RegExp) =>
      assert.throws(
        () => keepLabels(labels, budget, 0),
        (error: Error) => error instanceof ConfigError && message.test(error.message),
      )
    refused({ count: 84 }, /wants a whole number from 1 to 83, the images with a label, got 84/)
    refused({ count: 0 }, /got 0/)
    refused({ count: 2.5 }, /got 2.5/)
    refused({ share: 0 }, /wants a share above 0 and up to 1, got 0/)
    refused({ share: Number.NaN }, /got NaN/)
    assert.throws(() => keepLabels(Int32Array.of(-1, -1), { share: 0.5 }, 0), /there are none/)
  })
})

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
