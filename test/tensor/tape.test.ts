import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { add, exp, mul, neg, sub } from '../../src/ops/elementwise.js'
import { matmul } from '../../src/ops/matmul.js'
import { mean } from '../../src/ops/reduce.js'
import { reshape } from '../../src/ops/reshape.js'
import { broadcastTo, sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { keep, scope } from '../../src/tensor/scope.js'
import {
  customGradient,
  differentiable,
  grad,
  gradients,
  isTracked,
  noGrad,
  stopGradient,
  valueAndGrad,
} from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { valuesOf as found } from '../ops/values.js'

describe('tape', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())
  afterEach('leaves nothing behind', () => assert.equal(device.memory().buffers, 0))

  const leaf = (data: number | number[]) => tensor(data, { device, requiresGradient: true })

  const valuesOf = async (body: () => readonly Tensor[]) => (await found(body)).map(({ data }) => data)

  it('adds up the gradients of a tensor that goes several ways', async () => {
    const values = await valuesOf(() => {
      const x = leaf([1, 2])
      const y = mul(x, 3)
      return gradients(sum(add(add(mul(y, y), y), x)), [x])
    })
    // d/dx (9x² + 3x + x)
    assert.deepEqual(values, [[22, 40]])
  })

  it('takes a tensor that stands twice in one op', async () => {
    const values = await valuesOf(() => {
      const x = leaf([3, -2])
      return [...gradients(sum(mul(x, x)), [x]), ...gradients(sum(add(x, x)), [x]), ...gradients(sum(sub(x, x)), [x])]
    })
    assert.deepEqual(values, [
      [6, -4],
      [2, 2],
      [0, 0],
    ])
  })

  it('gives each of several inputs its own, in the order asked for, and zeros to one that is not used', async () => {
    const values = await valuesOf(() => {
      const [a, b, c] = [leaf([1, 2]), leaf([3, 4]), leaf([[5], [6]] as never)]
      return gradients(sum(mul(a, b)), [b, c, a, b])
    })
    assert.deepEqual(values, [
      [1, 2],
      [0, 0],
      [3, 4],
      [1, 2],
    ])
  })

  it('gives the gradient of what lies between, and of the loss itself', async () => {
    const values = await valuesOf(() => {
      const x = leaf([1, 2])
      const y = mul(x, 5)
      const loss = sum(mul(y, y))
      return gradients(loss, [y, x, loss])
    })
    assert.deepEqual(values, [[10, 20], [50, 100], [1]])
  })

  it('takes a seed for a loss that is no scalar, and leaves it to the caller', async () => {
    const values = await valuesOf(() => {
      const x = leaf([1, 2])
      const seed = tensor([10, 100], { device })
      const found = gradients(mul(x, x), [x], { seed })
      return [...found, seed]
    })
    assert.deepEqual(values, [
      [20, 400],
      [10, 100],
    ])
  })

  it('leaves no memory behind outside a scope, but for the results', () => {
    const x = leaf([1, 2])
    const loss = scope(() => sum(x))
    const { buffers } = device.memory()
    const [gradient] = gradients(loss, [x])
    assert.equal(device.memory().buffers, buffers + 1)
    for (const each of [x, loss, gradient!]) each.dispose()
  })

  it('goes on through broadcasts, reshapes and reductions', async () => {
    const values = await valuesOf(() => {
      const x = leaf([1, 2, 3])
      const y = reshape(broadcastTo(x, [2, 3]), [3, 2])
      return gradients(
        mean(
          mul(
            y,
            tensor(
              [
                [1, 2],
                [3, 4],
                [5, 6],
              ],
              { device },
            ),
          ),
        ),
        [x],
      )
    })
    assert.deepEqual(
      values[0]!.map(value => Math.round(value * 6)),
      [5, 7, 9],
    )
  })

  it('records nothing in noGrad, and nothing behind stopGradient', async () => {
    const values = await valuesOf(() => {
      const x = leaf([2, 3])
      const constant = noGrad(() => mul(x, x))
      assert.equal(isTracked(constant), false)
      assert.equal(
        noGrad(() => noGrad(() => 1)),
        1,
      )
      assert.equal(isTracked(mul(x, 1)), true)
      assert.throws(
        () =>
          noGrad(() => {
            throw new RangeError('no')
          }),
        RangeError,
      )
      assert.equal(isTracked(mul(x, 1)), true, 'recording goes on after a throw')
      return gradients(sum(add(mul(x, constant), mul(x, stopGradient(mul(x, 10))))), [x])
    })
    assert.deepEqual(values, [[4 + 20, 9 + 30]])
  })

  it('has gradients of gradients: x³', async () => {
    const values = await valuesOf(() => {
      const x = leaf([2, -1])
      const [first] = gradients(sum(mul(mul(x, x), x)), [x], { createGraph: true })
      const [second] = gradients(sum(first!), [x], { createGraph: true })
      const [third] = gradients(sum(second!), [x])
      return [first!, second!, third!]
    })
    assert.deepEqual(values, [
      [12, 3],
      [12, -6],
      [6, 6],
    ])
  })

  it('has gradients of gradients through matrix products and exp', async () => {
    const step = 2 ** -10
    const first = (at: number) =>
      valuesOf(() => {
        const x = leaf([
          [at, 0.5],
          [0.25, -1],
        ] as never)
        return gradients(sum(exp(matmul(x, x))), [x])
      })
    const [second] = await valuesOf(() => {
      const x = leaf([
        [0.75, 0.5],
        [0.25, -1],
      ] as never)
      const [g] = gradients(sum(exp(matmul(x, x))), [x], { createGraph: true })
      return gradients(sum(g!), [x])
    })
    const total = async (at: number) => (await first(at))[0]!.reduce((a, b) => a + b)
    const difference = ((await total(0.75 + step)) - (await total(0.75 - step))) / (2 * step)
    assert.ok(Math.abs(second![0]! - difference) < 2e-2 * Math.abs(difference), `${second![0]} and ${difference}`)
  })

  it('takes a gradient of its own for a function', async () => {
    const values = await valuesOf(() => {
      const x = leaf([0, 1])
      const seen: boolean[] = []
      const custom = customGradient(
        input => {
          const out = mul(exp(input!), 0)
          seen.push(isTracked(out))
          return out
        },
        (gradient, [input], output) => [add(mul(gradient, add(input!, 7)), output)],
      )
      const y = custom(x)
      assert.deepEqual([seen, isTracked(y)], [[false], true])
      return gradients(sum(mul(y, 2)), [x])
    })
    assert.deepEqual(values, [[14, 16]])
  })

  it('grad and valueAndGrad differentiate functions of any tensors', async () => {
    const values = await valuesOf(() => {
      const [a, b] = [tensor([1, 2], { device }), tensor([3, 4], { device })]
      const f = (x: Tensor, y: Tensor) => sum(mul(mul(x, x), y))
      const { value, gradients: both } = valueAndGrad(f)(a, b)
      assert.equal(isTracked(value), false)
      assert.equal(isTracked(a), false)
      return [value, ...both, ...grad(f)(a, b)]
    })
    assert.deepEqual(values, [[19], [6, 16], [1, 4], [6, 16], [1, 4]])
  })

  it('says why there is no gradient', () => {
    scope(() => {
      const x = leaf([1, 2])
      const constant = tensor([1, 2], { device })
      assert.throws(() => gradients(sum(constant), [x]), /GradientError: .*depends on no tensor with requiresGradient/)
      assert.throws(() => gradients(mul(x, 2), [x]), /GradientError: gradients: wants a scalar loss, got \[2\]/)
      assert.throws(() => gradients(sum(x), [constant]), /a tensor \[2\] was asked for that has no requiresGradient/)
      const wrong = differentiable(mul(constant, 2), [x], g => [sum(g)])
      assert.throws(() => gradients(sum(wrong), [x]), /an op gave \[\] as the gradient of \[2\]/)
    })
  })

  it('says so when a tensor on the way was given back, and does not give zeros', () => {
    scope(() => {
      const x = leaf([1, 2])
      const y = scope(() => mul(mul(x, 2), 3))
      assert.throws(() => gradients(sum(y), [x]), /GradientError: .*a tensor \[2\] whose memory was given back/)
    })
  })

  it('asks only for what leads to a tensor that was asked for', async () => {
    const asked: (readonly boolean[])[] = []
    const values = await valuesOf(() => {
      const [a, b] = [leaf([1, 2]), leaf([3, 4])]
      const out = differentiable(
        noGrad(() => mul(a, b)),
        [a, b],
        (g, needed) => {
          asked.push(needed)
          return [mul(g, b), mul(g, a)]
        },
      )
      return gradients(sum(neg(out)), [b])
    })
    assert.deepEqual(asked, [[false, true]])
    assert.deepEqual(values, [[-1, -2]])
  })

  it('frees the gradients of a long chain as it goes', () => {
    const size = 2 ** 14
    const x = keep(zeros([size], { device, requiresGradient: true }))
    scope(() => {
      let y = x
      for (let i = 0; i < 100; i++) y = mul(y, 1.01)
      const loss = sum(y)
      device.resetPeak()
      const before = device.memory().live
      scope(() => {
        gradients(loss, [x])
      })
      const more = (device.memory().peak - before) / (4 * size)
      assert.ok(more < 5, `the backward pass took memory for ${more} gradients at once`)
    })
    x.dispose()
  })

  it('frees what it added up of a tensor that goes many ways', () => {
    const size = 2 ** 14
    const x = keep(zeros([size], { device, requiresGradient: true }))
    scope(() => {
      let loss = sum(x)
      for (let i = 0; i < 50; i++) loss = add(loss, sum(mul(x, i)))
      device.resetPeak()
      const before = device.memory().live
      scope(() => {
        gradients(loss, [x])
      })
      const more = (device.memory().peak - before) / (4 * size)
      assert.ok(more < 6, `the backward pass took memory for ${more} gradients at once`)
    })
    x.dispose()
  })

  it('walks a chain that is longer than the stack', async () => {
    const values = await valuesOf(() => {
      const x = leaf(1)
      let y: Tensor = x
      for (let i = 0; i < 12_000; i++) y = reshape(y, i % 2 === 0 ? [1] : [])
      return gradients(sum(y), [x])
    })
    assert.deepEqual(values, [[1]])
  })
})
