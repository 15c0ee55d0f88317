import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { mul } from '../../src/ops/elementwise.js'
import { logNormaliserOf, nce } from '../../src/ops/nce.js'
import { pickedDots, planPickedSum } from '../../src/ops/pickedDots.js'
import { sampledSoftmax } from '../../src/ops/sampledSoftmax.js'
import { softmaxClassifier } from '../../src/ops/softmaxClassifier.js'
import { sum } from '../../src/ops/sum.js'
import { full, tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { devices } from '../conformance/devices.js'
import { generator, integers, unitRows } from '../reference/random.js'
import { valuesOf } from './values.js'

for (const { name, open } of devices) {
  describe(`losses against sampled classes on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    const int32 = (data: number[], shape = [data.length]) => tensor(Int32Array.from(data), { shape, device })
    const rows = (count: number, columns: number, seed = 1) =>
      tensor(unitRows(columns)(generator(seed), count * columns), {
        shape: [count, columns],
        device,
        requiresGradient: true,
      })

    it('pickedDots is zero for a row outside, which has no gradient; repeated rows add up', async () => {
      const [dots, dq, dw] = await valuesOf(() => {
        const q = tensor([[1, 2]], { device, requiresGradient: true })
        const w = tensor(
          [
            [3, 4],
            [5, 6],
          ],
          { device, requiresGradient: true },
        )
        const dots = pickedDots(q, [w], int32([1, -1, 0, 1, 2], [1, 5]))
        const weighted = mul(dots, tensor([[1, 10, 100, 1000, 10000]], { device }))
        return [dots, ...gradients(sum(weighted), [q, w])]
      })
      assert.deepEqual(dots!.data, [17, 0, 11, 17, 0])
      assert.deepEqual(dq!.data, [5305, 6406])
      assert.deepEqual(dw!.data, [100, 200, 1001, 2002])
    })

    it('pickedDots has the gradient of float64 where it takes several dispatches', async () => {
      const [count, drawn, columns, classes] = [512, 600, 256, 50]
      const slice = { buffer: { id: 0, bytes: 0 }, offset: 0, bytes: 0 }
      const operands = { page: slice, indices: slice, factors: slice, out: slice }
      const sizes = { rows: count, columns, picked: drawn, first: 0, pageRows: classes }
      const parts = planPickedSum({ op: 'pickedSum', ...operands, ...sizes }, device.info)
      assert.deepEqual(
        parts.map(({ parameters, params }) => [parameters!.BEGIN, params!.begin, params!.end]),
        [
          [1, 0, 256],
          [0, 256, 512],
          [0, 512, 600],
        ],
      )
      const picks = integers(0, classes)(generator(3), count * drawn)
      const bank = rows(classes, columns, 2)
      const q = rows(count, columns)
      const factor = tensor(
        Array.from({ length: drawn }, (_, s) => 1 + s / drawn),
        { device },
      )
      const [w, dq] = await valuesOf(() => {
        const dots = pickedDots(q, [bank], int32(picks, [count, drawn]))
        return [bank, ...gradients(sum(mul(dots, factor)), [q])]
      })
      for (const row of [0, 77, count - 1]) {
        for (const column of [0, 1, columns - 1]) {
          let exact = 0
          for (let s = 0; s < drawn; s++)
            exact += (1 + s / drawn) * w!.data[picks[row * drawn + s]! * columns + column]!
          const found = dq!.data[row * columns + column]!
          assert.ok(Math.abs(found - exact) < 1e-4, `${found}, exactly ${exact}`)
        }
      }
      factor.dispose()
      q.dispose()
    })

    it('never gather the rows that they pick', () => {
      const [count, drawn, columns, classes] = [128, 512, 64, 4096]
      const q = rows(count, columns)
      const bank = rows(classes, columns, 2)
      const negatives = int32(integers(0, classes)(generator(3), count * drawn), [count, drawn])
      const own = int32(integers(0, classes)(generator(4), count))
      const logNormaliser = full([], Math.log(classes), { device })
      device.resetPeak()
      const { live } = device.memory()
      scope(() => {
        gradients(nce(q, [bank], own, negatives, { temperature: 0.1, logNormaliser }), [q, bank])
      })
      const { peak } = device.memory()
      const gathered = 4 * count * drawn * columns
      assert.ok(peak - live < gathered / 2, `${peak - live} bytes, gathered ${gathered}`)
      for (const each of [q, bank, negatives, own, logNormaliser]) each.dispose()
    })

    it('nce is finite at temperature 0.01, for a zero vector, and for a row that is its own negative', async () => {
      const found = await valuesOf(() => {
        const bank = rows(5, 3, 2)
        const logNormaliser = full([1], Math.log(5), { device })
        const q = tensor(
          [
            [0, 0, 0],
            [1, 0, 0],
          ],
          { device, requiresGradient: true },
        )
        const loss = nce(q, [bank], int32([0, 1]), int32([0, 1, 2, 3], [2, 2]), { temperature: 0.01, logNormaliser })
        return [loss, ...gradients(loss, [q, bank])]
      })
      for (const { data } of found) for (const value of data) assert.ok(Number.isFinite(value), `${data}`)
    })

    it('estimates log Z of a bank as n · mean exp(similarity / T), where that is more than float32 holds', async () => {
      for (const temperature of [0.5, 0.01]) {
        const [found] = await valuesOf(() => {
          const bank = tensor(
            [
              [1, 0],
              [0, 1],
              [0.6, 0.8],
            ],
            { device },
          )
          const q = tensor(
            [
              [1, 0],
              [0, 0],
            ],
            { device },
          )
          return [logNormaliserOf(q, [bank], int32([0, 2, 1, 0], [2, 2]), temperature)]
        })
        // Similarities 1 and 0.6, of the zero vector 0 and 0.
        const largest = 1 / temperature
        const rest = 1 + Math.exp((0.6 - 1) / temperature) + 2 * Math.exp(-largest)
        const expected = Math.log(3 / 4) + largest + Math.log(rest)
        assert.ok(Math.abs(found!.data[0]! - expected) < 1e-5 * expected, `${found!.data[0]}, wanted ${expected}`)
      }
    })

    it('nce takes similarities for logarithms of probabilities where there is no Z', async () => {
      const [without, one] = await valuesOf(() => {
        const [q, bank] = [rows(3, 4), rows(5, 4, 2)]
        const operands = [q, [bank], int32([0, 1, 2]), int32([0, 1, 2, 3, 4, 0], [3, 2])] as const
        return [nce(...operands), nce(...operands, { logNormaliser: zeros([], { device }) })]
      })
      assert.deepEqual(without!.data, one!.data)
    })

    it('sampledSoftmax is log(S + 1) of zero vectors, and of one row', async () => {
      for (const count of [1, 2]) {
        const [loss, dx] = await valuesOf(() => {
          const x = zeros([count, 3], { device, requiresGradient: true })
          const loss = sampledSoftmax(x, rows(6, 3, 2), int32(new Array<number>(count).fill(0)), int32([1, 2, 3, 5]))
          return [loss, ...gradients(loss, [x])]
        })
        assert.ok(Math.abs(loss!.data[0]! - Math.log(5)) < 1e-6)
        assert.ok(dx!.data.every(Number.isFinite))
      }
    })

    it('sampledSoftmax over every other class is the whole softmax', async () => {
      const labels = [0, 3, 3, 6]
      const [sampled, dx, dw, whole, dxWhole, dwWhole] = await valuesOf(() => {
        const [x, w] = [rows(4, 5), rows(7, 5, 2)]
        const losses = [
          sampledSoftmax(x, w, int32(labels), int32([6, 5, 4, 3, 2, 1, 0])),
          softmaxClassifier(x, w, int32(labels)),
        ]
        return losses.flatMap(loss => [loss, ...gradients(loss, [x, w])])
      })
      for (const [some, all] of [
        [sampled, whole],
        [dx, dxWhole],
        [dw, dwWhole],
      ])
        for (const [i, value] of some!.data.entries()) assert.ok(Math.abs(value - all!.data[i]!) < 1e-6)
    })

    it('sampledSoftmax is nothing where every sampled class is the label', async () => {
      const [loss, dx] = await valuesOf(() => {
        const x = rows(2, 3)
        const loss = sampledSoftmax(x, rows(4, 3, 2), int32([1, 1]), int32([1, 1, 1]))
        return [loss, ...gradients(loss, [x])]
      })
      assert.equal(loss!.data[0], 0)
      assert.deepEqual(dx!.data, [0, 0, 0, 0, 0, 0])
    })

    it('say what does not fit', () => {
      scope(() => {
        const [q, w, own, one] = [rows(2, 3), rows(4, 3), int32([0, 1]), full([], 1, { device })]
        const negatives = int32([0, 1], [2, 1])
        const options = { logNormaliser: one }
        assert.throws(() => pickedDots(q, [w], own), ShapeError)
        assert.throws(() => pickedDots(q, [rows(4, 5)], negatives), ShapeError)
        assert.throws(() => pickedDots(q, [w, w], negatives), GradientError)
        assert.throws(() => pickedDots(q, [w], q), DtypeError)
        assert.throws(() => nce(q, [w], int32([0]), negatives, options), ShapeError)
        assert.throws(() => nce(q, [w], own, own, options), ShapeError)
        assert.throws(() => nce(q, [w], own, negatives, { logNormaliser: w }), ShapeError)
        assert.throws(() => nce(q, [w], own, negatives, { ...options, noise: zeros([3], { device }) }), ShapeError)
        assert.throws(() => nce(q, [w], own, negatives, { ...options, temperature: 0 }), ConfigError)
        assert.throws(() => sampledSoftmax(q, w, int32([0]), own), ShapeError)
        assert.throws(() => sampledSoftmax(q, w, own, own, { bias: zeros([3], { device }) }), ShapeError)
        assert.throws(() => sampledSoftmax(q, w, q, own), DtypeError)
      })
    })
  })
}
