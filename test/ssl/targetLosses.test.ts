import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { bankSoftmax } from '../../src/ops/bankSoftmax.js'
import { infoNCE } from '../../src/ops/infoNCE.js'
import { l2normalize } from '../../src/ops/normalize.js'
import { ntXent } from '../../src/ops/ntXent.js'
import { crossEntropy } from '../../src/ops/softmax.js'
import { consistency } from '../../src/ssl/losses/consistency.js'
import { negativeCosine, normalizedDistance } from '../../src/ssl/losses/cosine.js'
import { inBatchContrast } from '../../src/ssl/losses/inBatchContrast.js'
import { maskedSquaredError } from '../../src/ssl/losses/maskedSquaredError.js'
import { proximal } from '../../src/ssl/losses/proximal.js'
import { sinkhorn } from '../../src/ssl/losses/sinkhorn.js'
import { meanEntropy, swappedPrediction } from '../../src/ssl/losses/swappedPrediction.js'
import { full, tensor, zeros } from '../../src/tensor/create.js'
import { stopGradient } from '../../src/tensor/tape.js'
import { devices } from '../conformance/devices.js'
import { finite } from './finite.js'

const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) < 1e-5 * Math.max(1, Math.abs(expected)),
    `${what} ${actual}, wanted ${expected}`,
  )

for (const { name, open } of devices) {
  describe(`ssl/losses on ${name}: predictions of targets, and embeddings of zeros`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const of = (values: number[][]) => tensor(values, { device })

    it('swaps views: each is predicted from the others, never from itself', async () => {
      const [certain, even] = [of([[1, 0]]), of([[0.5, 0.5]])]
      // Scores whose softmax is [3/4, 1/4] and [1/10, 9/10].
      const [first, second] = [of([[Math.log(3), 0]]), of([[0, Math.log(9)]])]
      const both = -(Math.log(0.1) + 0.5 * (Math.log(0.75) + Math.log(0.25))) / 2
      near(await swappedPrediction([certain, even], [first, second], 1).item(), both, 'two targets')
      near(await swappedPrediction([certain], [first, second], 1).item(), -Math.log(0.1), 'one target')
      const three = -(Math.log(0.1) + Math.log(0.75)) / 2
      near(await swappedPrediction([certain], [first, second, first], 1).item(), three, 'a small view')
    })

    it('swaps views of one and of two images, views that are the same, scores of zeros, and at 0.01', async () => {
      for (const rows of [1, 2]) {
        const target = full([rows, 4], 0.25, { device })
        const alike = await finite(zeros([rows, 4], { device }), x => swappedPrediction([target, target], [x, x], 0.01))
        near(alike, Math.log(4), `${rows} images`)
        const q = sinkhorn(zeros([rows, 4], { device }), { epsilon: 0.05, iterations: 3 })
        assert.deepEqual([...(await q.data())], new Array(4 * rows).fill(0.25))
      }
      // A score of 1 for the wrong prototype costs 1 / T, where the right one has none.
      const wrong = await finite(of([[1, 0]]), x => swappedPrediction([of([[0, 1]])], [x, x], 0.01))
      near(wrong, 100, 'a wrong prediction')
    })

    it('knows the entropy of targets, the least that predicting them can cost, also of one that is certain', async () => {
      near(await finite(of([[0.5, 0.5]]), q => meanEntropy([q, of([[1, 0]])])), Math.log(2) / 2, 'a half and certain')
      const q = of([[0.75, 0.25]])
      const right = await swappedPrediction([q], [q, of([[Math.log(3), 0]])], 1).item()
      near(await meanEntropy([q]).item(), right, 'predicted exactly')
    })

    it('adds up how far embeddings moved, and has no gradient where they have not', async () => {
      const [z, before] = [
        of([
          [1, 0],
          [0, 1],
        ]),
        of([
          [0, 0],
          [0, 1],
        ]),
      ]
      near(await finite(z, own => proximal(own, before)), 0.5, 'one of two by 1')
      assert.equal(await finite(zeros([1, 3], { device }), own => proximal(own, zeros([1, 3], { device }))), 0)
      assert.throws(() => proximal(z, zeros([2, 3], { device })), ShapeError)
    })

    it('predictions that are their targets already: distance 0, cosine 1, finite gradients, of one image too', async () => {
      for (const x of [
        of([[3, 4]]),
        of([
          [3, 4],
          [0, 2],
        ]),
      ]) {
        assert.ok(Math.abs(await finite(x, p => normalizedDistance(p, stopGradient(p)))) < 1e-6)
        near(await finite(x, p => negativeCosine(p, stopGradient(p))), -1, 'negativeCosine')
      }
    })

    it('swaps nothing where there is one view, no target, another shape or no temperature', () => {
      const [x, other] = [zeros([2, 3], { device }), zeros([2, 4], { device })]
      for (const call of [
        () => swappedPrediction([x], [x], 1),
        () => swappedPrediction([], [x, x], 1),
        () => swappedPrediction([x, x, x], [x, x], 1),
        () => swappedPrediction([x], [x, other], 1),
        () => swappedPrediction([other], [x, x], 1),
      ]) {
        assert.throws(call, ShapeError)
      }
      assert.throws(() => swappedPrediction([x], [x, x], 0), ConfigError)
    })

    it('counts what is hidden, against pixels or pixels with mean 0 and deviation 1', async () => {
      // Two patches of three numbers, 1, 2, 3 and 5, 5, 5.
      const patches = tensor([1, 2, 3, 5, 5, 5], { shape: [1, 2, 3], device })
      const error = (values: number[], hidden: number[], normalisedPixels: boolean) =>
        finite(tensor(values, { shape: [1, 2, 3], device }), x =>
          maskedSquaredError(x, patches, tensor(hidden, { shape: [1, 2], device }), { normalisedPixels }),
        )
      const zero = [0, 0, 0, 0, 0, 0]
      near(await error(zero, [1, 0], false), 14 / 3, 'the first patch')
      near(await error(zero, [0, 1], false), 25, 'the second')
      near(await error(zero, [1, 1], false), (14 / 3 + 25) / 2, 'both')
      // Normalised: −1, 0, 1 and, where all pixels are the same, 0, 0, 0.
      near(await error(zero, [1, 0], true), 2 / 3, 'the first, normalised')
      near(await error([9, 9, 9, 0, 0, 3], [0, 1], true), 3, 'the second, normalised')
      assert.equal(await error([9, 9, 9, 9, 9, 9], [0, 0], true), 0)
    })

    it('has nothing to normalise in a patch of one number, and wants shapes that fit', () => {
      const [x, hidden] = [zeros([1, 2, 1], { device }), zeros([1, 2], { device })]
      assert.throws(() => maskedSquaredError(x, x, hidden, { normalisedPixels: true }), ShapeError)
      const wrong = zeros([2, 2], { device })
      assert.throws(() => maskedSquaredError(x, x, wrong, { normalisedPixels: false }), ShapeError)
    })

    it('is consistent where student and teacher say the same, and at most 2 / C', async () => {
      const x = of([[1, 2, 3]])
      assert.equal(await finite(x, own => consistency(own, x)), 0)
      near(await finite(of([[200, 0]]), own => consistency(own, of([[0, 200]]))), 1, 'opposite certainties')
      near(
        await finite(of([[0, 0]]), own => consistency(own, of([[Math.log(3), 0]]))),
        1 / 16,
        'a half and three quarters',
      )
      assert.throws(() => consistency(x, zeros([1, 2], { device })), ShapeError)
    })

    it('embeddings of zeros stay zeros when normalised, and have finite losses and gradients', async () => {
      const zero = () => zeros([2, 3], { device })
      const other = of([
        [1, 2, 2],
        [0, 3, 4],
      ])
      assert.deepEqual([...(await l2normalize(zero()).data())], [0, 0, 0, 0, 0, 0])
      near(await finite(zero(), z => normalizedDistance(z, other)), 2, 'normalizedDistance')
      assert.equal(await finite(zero(), z => negativeCosine(z, zero())), 0)
      near(await finite(zeros([4, 3], { device }), z => ntXent(l2normalize(z), 0.01)), Math.log(3), 'ntXent')
      near(await finite(zero(), z => inBatchContrast(l2normalize(z), zero(), 0.01)), Math.log(2), 'inBatchContrast')
      // A queue of one key, shorter than the batch of two.
      const queue = [of([[0, 1, 0]])]
      near(await finite(zero(), z => infoNCE(l2normalize(z), zero(), queue, 0.01)), Math.log(2), 'infoNCE')
      const own = tensor(Int32Array.of(0, 1), { device })
      near(await finite(zero(), z => bankSoftmax(l2normalize(z), own, [other], 0.01)), Math.log(2), 'bankSoftmax')
      near(await finite(zero(), z => crossEntropy(z, own)), Math.log(3), 'crossEntropy')
    })
  })
}
