import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import type { Launch } from '../../src/device/launch.js'
import { bankSoftmax } from '../../src/ops/bankSoftmax.js'
import { add, mul } from '../../src/ops/elementwise.js'
import { infoNCE } from '../../src/ops/infoNCE.js'
import { planKeyGradient, planKeySweep } from '../../src/ops/keySweep.plan.js'
import { softmaxClassifier } from '../../src/ops/softmaxClassifier.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { gradients, noGrad, stopGradient } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { devices } from '../conformance/devices.js'
import { infoNCE as reference } from '../reference/keys.js'
import { generator, unitRows } from '../reference/random.js'
import { valuesOf } from './values.js'

for (const { name, open } of devices) {
  describe(`losses against many keys on ${name}`, () => {
    let device: Device
    before(async () => {
      device = await open()
    })
    after(() => device.close())
    afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

    const int32 = (data: number[]) => tensor(Int32Array.from(data), { device })
    const rows = (count: number, columns: number, seed = 1) =>
      tensor(unitRows(columns)(generator(seed), count * columns), { shape: [count, columns], device })
    const leaf = (x: Tensor) => {
      x.requiresGradient = true
      return x
    }

    /** A loss and its gradients as numbers. */
    async function numbersOf(make: () => { loss: Tensor; of: Tensor[] }) {
      const [value, ...found] = await valuesOf(() => {
        const { loss, of } = make()
        return [loss, ...gradients(loss, of)]
      })
      return { loss: value!.data[0]!, gradients: found.map(({ data }) => data) }
    }

    it('infoNCE is finite at temperature 0.01, and right', async () => {
      const [q, k, bank] = [rows(33, 30), rows(33, 30, 2), rows(100, 30, 3)]
      const inputs = await Promise.all(
        [q, k, bank].map(async x => ({ shape: [...x.shape], data: Float64Array.from(await x.data()) })),
      )
      const made = await numbersOf(() => ({ loss: infoNCE(leaf(q), leaf(k), [bank], 0.01), of: [q, k] }))
      const attributes = { temperature: 0.01 }
      const exact = reference.gradient(inputs, attributes, { shape: [], data: Float64Array.of(1) })
      assert.ok(Math.abs(made.loss / reference.forward(inputs, attributes).data[0]! - 1) < 1e-4)
      for (const [i, found] of made.gradients.entries()) {
        const { data } = exact[i]!
        const error = Math.hypot(...found.map((value, i) => value - data[i]!))
        assert.ok(error < 1e-3 * Math.hypot(...data), `gradient ${i} off by ${error}`)
      }
      for (const each of [q, k, bank]) each.dispose()
    })

    it('are log K where all keys are the same, be they of length 1 or 0', async () => {
      for (const value of [0.5, 0]) {
        const of = (count: number) =>
          tensor(new Float32Array(4 * count).fill(value), { shape: [count, 4], device, requiresGradient: true })
        const found = await valuesOf(() => {
          const [q, k, bank] = [of(5), of(5), stopGradient(of(300))]
          const losses = [
            infoNCE(q, k, [bank], 0.07),
            bankSoftmax(q, int32([0, 1, 2, 3, 299]), [bank], 0.07),
            softmaxClassifier(q, bank, int32([0, 1, 2, 3, 299])),
          ]
          return [...losses, ...losses.flatMap(loss => gradients(loss, [q]))]
        })
        assert.ok(Math.abs(found[0]!.data[0]! - Math.log(301)) < 1e-4)
        for (const { data } of found.slice(1, 3)) assert.ok(Math.abs(data[0]! - Math.log(300)) < 1e-4)
        for (const { data } of found.slice(3)) for (const each of data) assert.ok(Math.abs(each) < 1e-5)
      }
    })

    it('are nothing, and pull nowhere, where there is nothing but the positive', async () => {
      const contrasted = await numbersOf(() => {
        const q = leaf(rows(3, 5))
        return { loss: bankSoftmax(q, int32([0, 0, 0]), [rows(1, 5, 2)], 0.01), of: [q] }
      })
      assert.deepEqual(contrasted, { loss: 0, gradients: [new Array(15).fill(0)] })
      const classified = await numbersOf(() => {
        const [x, w] = [leaf(rows(3, 5)), leaf(rows(1, 5, 2))]
        return { loss: softmaxClassifier(x, w, int32([0, 0, 0])), of: [x, w] }
      })
      assert.deepEqual(classified, { loss: 0, gradients: [new Array(15).fill(0), new Array(5).fill(0)] })
    })

    it('keep their digits where the positive is nearly certain', async () => {
      // Opposite keys: the loss of two negatives at similarity −1/T is 2·exp(−2/T).
      const { loss, gradients } = await numbersOf(() => {
        const q = leaf(tensor([[1, 0]], { device }))
        const bank = tensor(
          [
            [-1, 0],
            [-1, 0],
          ],
          { device },
        )
        return { loss: infoNCE(q, tensor([[1, 0]], { device }), [bank], 0.1), of: [q] }
      })
      assert.ok(Math.abs(loss / (2 * Math.exp(-20)) - 1) < 1e-5, `${loss}`)
      assert.ok(Math.abs(gradients[0]![0]! / (-40 * Math.exp(-20)) - 1) < 1e-5, `${gradients}`)
    })

    it('multiply by the gradient from above on the device', async () => {
      const made = (factor: number) =>
        numbersOf(() => {
          const [q, k, w] = [leaf(rows(5, 8)), leaf(rows(5, 8, 2)), leaf(rows(9, 8, 3))]
          const contrasted = infoNCE(q, k, [stopGradient(w)], 0.5)
          const classified = softmaxClassifier(q, w, int32([1, 2, 3, 4, 5]))
          return { loss: mul(add(contrasted, classified), factor), of: [q, k, w] }
        })
      const [once, thrice] = [await made(1), await made(3)]
      for (const [i, values] of thrice.gradients.entries())
        for (const [j, value] of values.entries()) assert.ok(Math.abs(value - 3 * once.gradients[i]![j]!) < 1e-5)
    })

    it('never hold the matrix of similarities, whatever the number of pages', async () => {
      const [count, keys, columns] = [256, 32_768, 4]
      const q = leaf(rows(count, columns))
      const pages = [0, 1, 2, 3].map(page => rows(keys / 4, columns, page))
      const { live } = device.memory()
      device.resetPeak()
      scope(() => {
        gradients(infoNCE(q, q, pages, 0.5), [q])
      })
      const { peak } = device.memory()
      assert.ok(peak - live < (4 * count * keys) / 4, `${peak - live} bytes`)
      assert.equal(device.memory().live, live)
      for (const each of [q, ...pages]) each.dispose()
    })

    it('sweep with one product where no gradient is wanted, with two where it is', () => {
      const launches: Launch[] = []
      const { launch } = device
      device.launch = each => {
        launches.push(each)
        launch.call(device, each)
      }
      scope(() => {
        const [q, bank] = [rows(3, 4), [rows(5, 4, 2), rows(6, 4, 3)]]
        infoNCE(q, q, bank, 0.5)
        leaf(q)
        infoNCE(q, q, bank, 0.5)
        noGrad(() => infoNCE(q, q, bank, 0.5))
      })
      device.launch = launch
      const sweeps = launches.filter(each => each.op === 'keySweep')
      const weighted = sweeps.map(each => each.op === 'keySweep' && each.weighted !== undefined)
      assert.deepEqual(weighted, [false, false, true, true, false, false])
    })

    it('say what does not fit', () => {
      scope(() => {
        const [q, bank, at] = [rows(2, 3), rows(4, 3), int32([0, 1])]
        assert.throws(() => infoNCE(q, q, [], 0.5), /ShapeError: infoNCE: wants a bank of pages .* got no page/)
        assert.throws(() => infoNCE(q, q, [rows(4, 5)], 0.5), /a bank of width 5 wants queries \[N,5\], got \[2,3\]/)
        assert.throws(() => infoNCE(q, rows(3, 3), [bank], 0.5), ShapeError)
        assert.throws(() => infoNCE(q, q, [bank], 0), ConfigError)
        assert.throws(() => bankSoftmax(q, int32([0]), [bank], 0.5), ShapeError)
        assert.throws(() => bankSoftmax(q, q, [bank], 0.5), DtypeError)
        assert.throws(() => bankSoftmax(zeros([3], { device }), at, [bank], 0.5), ShapeError)
        assert.throws(() => softmaxClassifier(q, bank, int32([0])), ShapeError)
        assert.throws(() => softmaxClassifier(q, bank, at, { bias: zeros([3], { device }) }), ShapeError)
        leaf(bank)
        assert.throws(() => infoNCE(q, q, [bank], 0.5), GradientError)
        assert.throws(() => bankSoftmax(q, at, [bank], 0.5), GradientError)
        const [dbank] = gradients(softmaxClassifier(q, bank, at), [bank], { createGraph: true })
        assert.throws(() => gradients(sum(mul(dbank!, dbank!)), [bank]), GradientError)
      })
    })
  })
}

describe('planKeySweep and planKeyGradient', () => {
  const slice = { buffer: { id: 1, bytes: 2 ** 40 }, offset: 0, bytes: 4 }
  const limits = { maxWorkgroupsPerDimension: 65_535, maxBindingBytes: 2 ** 27 }
  const operands = { queries: slice, keys: slice, largest: slice, sum: slice, weighted: slice, skip: slice }

  for (const software of [true, false]) {
    const target = { limits, features: new Set<string>(), software } as never

    it(`cut rows and keys into aligned blocks of bounded work: ${software ? 'software' : 'hardware'}`, () => {
      for (const [rows, keyRows, columns] of [
        [1, 1, 1],
        [1, 300_000, 128],
        [256, 65_536, 128],
        [5000, 1031, 33],
        [32_768, 20_000, 128],
      ] as const) {
        const sizes = { rows, keyRows, columns, first: 0 }
        const swept = planKeySweep({ op: 'keySweep', ...operands, ...sizes, scale: 1 }, target)
        const last = { logSum: slice, missing: slice, g: slice, dkeys: slice, dbias: slice }
        const turned = planKeyGradient({ op: 'keyGradient', ...operands, ...last, ...sizes }, target)
        for (const { kernel, work, bindings, grid } of [...swept, ...turned]) {
          // On a software adapter of 10 GFLOP/s a dispatch of this much takes a fifth of a second.
          assert.ok(work <= 2 ** 30, `${kernel}: ${work}`)
          assert.ok(grid.every(size => size >= 1 && size <= 65_535))
          for (const binding of bindings) {
            if ('offset' in binding) assert.equal(binding.offset % 256, 0, kernel)
            else assert.ok(binding.bytes <= 2 ** 26, `${kernel}: ${binding.bytes} bytes`)
          }
        }
        const covered = swept.filter(({ kernel }) => kernel === 'key_sweep_largest').map(({ params }) => params!)
        assert.equal(
          covered.reduce((total, { rows, keys }) => total + rows! * keys!, 0),
          rows * keyRows,
        )
      }
    })

    it(`begin with the first key of the first page alone: ${software ? 'software' : 'hardware'}`, () => {
      const begins = (first: number) =>
        planKeySweep({ op: 'keySweep', ...operands, rows: 256, keyRows: 65_536, columns: 8, first, scale: 1 }, target)
          .filter(({ kernel }) => kernel === 'key_sweep_sum')
          .map(({ parameters }) => parameters!.BEGIN)
      const [begin, ...rest] = begins(0)
      assert.equal(begin, 1)
      assert.ok(rest.length > 0 && [...rest, ...begins(65_536)].every(each => each === 0))
    })
  }
})
