import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DeviceError, DisposedError, DtypeError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { add } from '../../src/ops/elementwise.js'
import { reshape } from '../../src/ops/reshape.js'
import { useDevice } from '../../src/tensor/context.js'
import { full, ones, tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { empty, type TypedArray, wantDtype } from '../../src/tensor/tensor.js'

describe('tensor', () => {
  let device: Device
  before(async () => {
    device = await open()
  })
  after(() => device.close())

  afterEach('gives its memory back', () => assert.equal(device.memory().live, 0))

  it('is made of numbers, nested arrays and typed arrays', async () => {
    const made = [
      { x: tensor(3.5, { device }), shape: [], dtype: 'float32', data: [3.5] },
      { x: tensor([1, 2, 3], { device }), shape: [3], dtype: 'float32', data: [1, 2, 3] },
      { x: tensor([[1], [2]], { device }), shape: [2, 1], dtype: 'float32', data: [1, 2] },
      { x: tensor([[[1, 2]], [[3, 4]]], { device }), shape: [2, 1, 2], dtype: 'float32', data: [1, 2, 3, 4] },
      { x: tensor(Int32Array.of(-1, 2), { shape: [1, 2], device }), shape: [1, 2], dtype: 'int32', data: [-1, 2] },
      { x: tensor(Uint32Array.of(2 ** 32 - 1), { device }), shape: [1], dtype: 'uint32', data: [2 ** 32 - 1] },
      { x: tensor(Uint8Array.of(1, 2, 255), { device }), shape: [3], dtype: 'uint8', data: [1, 2, 255] },
      { x: tensor([1, -2], { dtype: 'int32', device }), shape: [2], dtype: 'int32', data: [1, -2] },
      { x: tensor(Uint8Array.of(7, 8), { dtype: 'float32', device }), shape: [2], dtype: 'float32', data: [7, 8] },
    ]
    for (const { x, shape, dtype, data } of made) {
      assert.deepEqual([[...x.shape], x.dtype, [...(await x.data())]], [shape, dtype, data])
      assert.deepEqual([x.rank, x.size], [shape.length, data.length])
      x.dispose()
    }
  })

  it('refuses ragged rows and shapes that do not hold the elements', () => {
    assert.throws(() => tensor([[1, 2], [3]], { device }), /ShapeError: tensor: ragged rows, \[2\] beside \[1\]/)
    assert.throws(() => tensor([1, [2]], { device }), ShapeError)
    assert.throws(() => tensor([1, 2, 3], { shape: [2, 2], device }), /tensor: \[2,2\] wants 4 elements, got 3/)
    for (const shape of [[0], [2, -1], [1.5], [Number.NaN]]) {
      assert.throws(() => zeros(shape, { device }), /wants dimensions of at least 1/, `${shape}`)
    }
    assert.throws(() => tensor([], { device }), ShapeError)
  })

  it('is filled on the device, in every dtype and at sizes that are no whole words', async () => {
    for (const [dtype, value] of [
      ['float32', -1.5],
      ['int32', -7],
      ['uint32', 4_000_000_000],
      ['uint8', 200],
    ] as const) {
      const x = full([5, 1], value, { dtype, device })
      assert.deepEqual([...(await x.data())], Array(5).fill(value), dtype)
      x.dispose()
    }
    const [zero, one] = [zeros([2], { device }), ones([2], { device })]
    assert.deepEqual([...(await zero.data()), ...(await one.data())], [0, 0, 1, 1])
    zero.dispose()
    one.dispose()
  })

  it('wants gradients only of float32', () => {
    assert.throws(() => tensor(Int32Array.of(1), { device, requiresGradient: true }), DtypeError)
    assert.throws(() => zeros([1], { dtype: 'uint8', device, requiresGradient: true }), DtypeError)
    const x = zeros([1], { device, requiresGradient: true })
    assert.equal(x.requiresGradient, true)
    assert.throws(() => wantDtype('op', 'int32', x), /DtypeError: op: wants int32, got float32 \[1\]; use cast/)
    x.dispose()
  })

  it('shares memory with its reshapes, until the last of them is disposed', async () => {
    const x = tensor([1, 2, 3, 4, 5, 6], { device })
    const { buffers } = device.memory()
    const y = reshape(x, [2, -1])
    const z = reshape(y, [3, 2])
    assert.deepEqual([...y.shape], [2, 3])
    assert.equal(device.memory().buffers, buffers)
    x.write(Float32Array.of(6, 5, 4, 3, 2, 1))
    x.dispose()
    x.dispose()
    y.dispose()
    assert.deepEqual([...(await z.data())], [6, 5, 4, 3, 2, 1])
    assert.throws(() => reshape(z, [4]), /reshape: \[3,2\] has 6 elements, \[4\] does not hold them/)
    assert.throws(() => reshape(z, [-1, 4]), ShapeError)
    assert.throws(() => z.alias([7]), ShapeError)
    assert.equal(reshape(z, [3, 2]), z)
    z.dispose()
  })

  it('says what to do when it is used after its memory was given back', async () => {
    const x = tensor([1, 2], { device })
    const y = tensor([1, 2], { device })
    x.dispose()
    assert.equal(x.disposed, true)
    assert.equal(y.disposed, false)
    const text =
      /DisposedError: a tensor \[2\] was used after its memory was given back: return it from its scope, or `keep` it/
    assert.throws(() => x.slice, text)
    assert.throws(() => scope(() => add(y, x)), text)
    assert.throws(() => x.write(Float32Array.of(1, 2)), DisposedError)
    await assert.rejects(x.data(), DisposedError)
    y.dispose()
  })

  it('reads a single element, and refuses more', async () => {
    const x = tensor([[4]], { device })
    assert.equal(await x.item(), 4)
    const y = tensor([1, 2], { device })
    await assert.rejects(y.item(), /item: wants a single element, got \[2\]/)
    x.dispose()
    y.dispose()
  })

  it('takes only data of its own type and size', () => {
    const x = zeros([2], { device })
    const wrong: TypedArray[] = [Float32Array.of(1), Int32Array.of(1, 2)]
    for (const data of wrong) assert.throws(() => x.write(data), /write: wants 2 elements of float32, got/)
    x.dispose()
  })

  it('lies on the device that was named, else on the one in use', async () => {
    const other = await open({ limits: 'minimum' })
    const first = zeros([1])
    assert.equal(first.device, device)
    useDevice(other)
    assert.equal(zeros([1]).device, other)
    const named = empty([1], 'int32', device)
    assert.equal(named.device, device)
    named.dispose()
    await other.close()
    assert.throws(
      () => zeros([1]),
      (error: Error) => error instanceof DeviceError && /no device is open/.test(error.message),
    )
    useDevice(device)
    first.dispose()
  })
})
