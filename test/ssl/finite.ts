import assert from 'node:assert/strict'
import { scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'

/** A loss's value, after seeing that it and every element of its gradient are numbers. */
export async function finite(x: Tensor, loss: (x: Tensor) => Tensor): Promise<number> {
  x.requiresGradient = true
  const found = scope(() => {
    const value = loss(x)
    return { value, gradient: gradients(value, [x])[0]! }
  })
  assert.ok((await found.gradient.data()).every(Number.isFinite), 'the gradient')
  const value = await found.value.item()
  assert.ok(Number.isFinite(value), 'the value')
  return Math.abs(value) === 0 ? 0 : value
}
