import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DtypeError, GradientError, ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { mul } from '../../src/ops/elementwise.js'
import { averagePool2d, globalAveragePool, maxPool2d, quadrantMaxPool } from '../../src/ops/pool.js'
import { sum } from '../../src/ops/sum.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { gradients } from '../../src/tensor/tape.js'

describe('pooling', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  const image = (height: number, width: number, values: number[]) =>
    tensor(values, { shape: [1, height, width, 1], requiresGradient: true })

  it('takes sizes, strides and paddings of height and width', async () => {
    const x = image(2, 4, [1, 2, 3, 4, 5, 6, 7, 8])
    const options = { size: [2, 3], stride: [1, 2], padding: [1, 0] } as const
    const largest = maxPool2d(x, options)
    assert.deepEqual(largest.shape, [1, 3, 1, 1])
    assert.deepEqual([...(await largest.data())], [3, 7, 7])
    assert.deepEqual([...(await averagePool2d(x, options).data())], [2, 4, 6])
  })

  it('gives the gradient to the first of equals', async () => {
    const x = image(2, 2, [1, 1, 1, 1])
    const [dx] = gradients(sum(maxPool2d(x, { size: 2 })), [x])
    assert.deepEqual([...(await dx!.data())], [1, 0, 0, 0])
  })

  it('adds the gradients of windows that overlap', async () => {
    const x = image(3, 3, [0, 0, 0, 0, 9, 0, 0, 0, 0])
    const [dx] = gradients(sum(maxPool2d(x, { size: 2, stride: 1 })), [x])
    assert.deepEqual([...(await dx!.data())], [0, 0, 0, 0, 4, 0, 0, 0, 0])
  })

  it('has a second order where it is linear, and refuses it where it chooses', async () => {
    const x = image(2, 2, [1, 2, 3, 6])
    const squared = averagePool2d(x, { size: 2 })
    const [dx] = gradients(sum(mul(squared, squared)), [x], { createGraph: true })
    const [second] = gradients(sum(dx!), [x])
    assert.deepEqual([...(await second!.data())], [0.5, 0.5, 0.5, 0.5])
    const chosen = maxPool2d(x, { size: 2 })
    const [first] = gradients(sum(mul(chosen, chosen)), [x], { createGraph: true })
    assert.throws(() => gradients(sum(first!), [x]), GradientError)
  })

  it('refuses windows that do not fit', () => {
    const x = zeros([1, 4, 4, 1])
    assert.throws(() => maxPool2d(x, { size: 5 }), ShapeError)
    assert.throws(() => maxPool2d(x, { size: 2, padding: 2 }), ShapeError)
    assert.throws(() => averagePool2d(x, { size: 2, stride: 0 }), ShapeError)
    assert.throws(() => averagePool2d(x, { size: 1.5 }), ShapeError)
    assert.throws(() => maxPool2d(zeros([4, 4, 1]), { size: 2 }), ShapeError)
    assert.throws(() => globalAveragePool(zeros([4, 4, 1])), ShapeError)
    assert.throws(() => quadrantMaxPool(zeros([2, 4, 1, 3])), /at least 2 x 2 pixels, got \[2,4,1,3\]/)
    assert.throws(() => maxPool2d(zeros([1, 4, 4, 1], { dtype: 'uint8' }), { size: 2 }), DtypeError)
  })
})
