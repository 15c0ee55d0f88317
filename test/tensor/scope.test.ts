import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { add, mul } from '../../src/ops/elementwise.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { keep, scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'

describe('scope', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())

  const make = () => zeros([4], { device })
  const buffers = () => device.memory().buffers

  afterEach('leaves nothing behind', () => assert.equal(buffers(), 0))

  it('gives back what was made inside, but for the result', async () => {
    let inner = make()
    inner.dispose()
    const x = tensor([1, 2], { device })
    const y = scope(() => {
      inner = add(x, 1)
      return mul(inner, 2)
    })
    assert.equal(inner.disposed, true)
    assert.deepEqual([...(await y.data())], [4, 6])
    assert.equal(buffers(), 2)
    x.dispose()
    y.dispose()
  })

  it('looks for tensors in arrays and objects, and lets other values pass', () => {
    const result = scope(() => {
      make()
      return { list: [make(), [make()]], value: 3, none: null, text: 'a' }
    })
    assert.equal(buffers(), 2)
    assert.deepEqual([result.value, result.none, result.text], [3, null, 'a'])
    for (const each of result.list.flat()) each.dispose()
    const nothing = scope(() => {
      make()
    })
    assert.equal(nothing, undefined)
  })

  it('hands a result to the scope around it', () => {
    let inner: Tensor | undefined
    scope(() => {
      inner = scope(() => make())
      assert.equal(inner.disposed, false)
      assert.equal(buffers(), 1)
    })
    assert.equal(inner?.disposed, true)
  })

  it('leaves alone what was made outside, also when it is returned', () => {
    const x = make()
    assert.equal(
      scope(() => x),
      x,
    )
    scope(() => {
      assert.equal(
        scope(() => x),
        x,
      )
    })
    assert.equal(x.disposed, false)
    x.dispose()
  })

  it('a kept tensor outlives every scope', () => {
    let x: Tensor | undefined
    scope(() => {
      scope(() => {
        x = keep(make())
      })
    })
    assert.equal(x?.disposed, false)
    x?.dispose()
  })

  it('gives everything back when the body throws, and the scope around goes on', () => {
    const x = scope(() => {
      const before = make()
      assert.throws(
        () =>
          scope(() => {
            make()
            throw new RangeError('no')
          }),
        RangeError,
      )
      assert.equal(before.disposed, false)
      return make()
    })
    assert.equal(buffers(), 1)
    x.dispose()
  })

  it('a tensor that shares memory keeps it alive', async () => {
    const y = scope(() => tensor([1, 2, 3, 4], { device }).alias([2, 2]))
    assert.deepEqual([...(await y.data())], [1, 2, 3, 4])
    y.dispose()
  })

  it('takes a tensor that was disposed by hand', () => {
    scope(() => {
      make().dispose()
    })
    const x = scope(() => {
      using _ = make()
      return make()
    })
    assert.equal(buffers(), 1)
    x.dispose()
  })

  it('refuses a body that goes on after it returned', () => {
    assert.throws(() => scope(async () => {}), /scope: wants a body that runs at once, got a promise/)
  })
})
