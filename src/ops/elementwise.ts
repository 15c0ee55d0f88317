import { accumulateWith, differentiable } from '../tensor/tape.js'
import { Tensor } from '../tensor/tensor.js'
import { runRow } from './elementwise.launch.js'
import type { RowName } from './elementwise.table.js'
import { sumTo } from './sum.js'

/** A tensor, or a number that stands for a tensor of one element. */
export type Operand = Tensor | number

/** The gradients of a row's tensors, before broadcasting is undone. */
type Rule = (gradient: Tensor, operands: readonly Operand[], out: Tensor) => readonly ((() => Tensor) | null)[]

/** Makes the public function of a row: runs it, and puts it on the tape with its rule. */
function op(name: RowName, rule: Rule) {
  return (operands: readonly Operand[]): Tensor => {
    const out = runRow(name, operands)
    const inputs = operands.filter(operand => operand instanceof Tensor)
    return differentiable(out, inputs, (gradient, needed) => {
      const parts = rule(gradient, operands, out)
      let tensor = 0
      return operands.flatMap((operand, i) => {
        if (!(operand instanceof Tensor)) return []
        const part = needed[tensor++] ? parts[i] : null
        return [part ? sumTo(part(), operand.shape) : null]
      })
    })
  }
}

const binary = (name: RowName, rule: Rule) => {
  const run = op(name, rule)
  return (a: Operand, b: Operand): Tensor => run([a, b])
}

const unary = (name: RowName, rule: (gradient: Tensor, a: Tensor, y: Tensor) => Tensor) => {
  const run = op(name, (gradient, [a], y) => [() => rule(gradient, a as Tensor, y)])
  return (a: Tensor): Tensor => run([a])
}

const none: Rule = () => [null, null, null]

export const add = binary('add', g => [() => g, () => g])
export const sub = binary('sub', g => [() => g, () => neg(g)])
export const mul = binary('mul', (g, [a, b]) => [() => mul(g, b!), () => mul(g, a!)])
export const div = binary('div', (g, [, b], y) => [() => div(g, b!), () => neg(mul(g, div(y, b!)))])
/** a to the power of b, for a > 0. */
export const pow = binary('pow', (g, [a, b], y) => [
  () => mul(g, mul(b!, pow(a!, typeof b === 'number' ? b - 1 : sub(b!, 1)))),
  () => mul(g, mul(y, typeof a === 'number' ? Math.log(a) : log(a!))),
])
/** The larger of each two; where they are equal the gradient goes to `a`. */
export const maximum = binary('maximum', (g, [a, b]) => [
  () => mul(g, sub(1, greater(b!, a!))),
  () => mul(g, greater(b!, a!)),
])
/** The smaller of each two; where they are equal the gradient goes to `a`. */
export const minimum = binary('minimum', (g, [a, b]) => [
  () => mul(g, sub(1, greater(a!, b!))),
  () => mul(g, greater(a!, b!)),
])
/** 1 where a > b, else 0. */
export const greater = binary('greater', none)
/** 1 where a equals b, else 0. */
export const equal = binary('equal', none)

export const exp = unary('exp', (g, _, y) => mul(g, y))
/** The natural logarithm. */
export const log = unary('log', (g, a) => div(g, a))
export const sqrt = unary('sqrt', (g, _, y) => div(mul(g, 0.5), y))
/** 1 / √a. */
export const rsqrt = unary('rsqrt', (g, a, y) => mul(g, mul(-0.5, div(y, a))))
export const abs = unary('abs', (g, a) => mul(g, sign(a)))
const signOf = op('sign', none)
export const sign = (a: Tensor): Tensor => signOf([a])
export const neg = unary('neg', g => neg(g))

const clampOf = op('clamp', (g, [a, low, high]) => [
  () => mul(g, sub(1, add(greater(low!, a!), greater(a!, high!)))),
  null,
  null,
])
/** min(max(x, low), high); no gradient outside. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return clampOf([x, low, high])
}

const whereOf = op('where', (g, [condition]) => [
  null,
  () => where(condition as Tensor, g, 0),
  () => where(condition as Tensor, 0, g),
])
/** `a` where `condition` is not 0, else `b`. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return whereOf([condition, a, b])
}

const reluGradientOf = op('reluGradient', (g, [, y]) => [() => reluGradient(g, y as Tensor), null])
/** The gradient of relu from its output's gradient and its output. */
export const reluGradient = (gradient: Tensor, y: Tensor): Tensor => reluGradientOf([gradient, y])
export const relu = unary('relu', (g, _, y) => reluGradient(g, y))

const normalDensity = unary('normalDensity', (g, a, y) => neg(mul(g, mul(a, y))))
const geluDerivative = unary('geluDerivative', (g, a) => mul(g, mul(normalDensity(a), sub(2, mul(a, a)))))
/** x·Φ(x) with the normal distribution Φ (Hendrycks & Gimpel, 2016). */
export const gelu = unary('gelu', (g, a) => mul(g, geluDerivative(a)))
/** GELU as BERT, GPT and JAX have it, with tanh in place of Φ: at most 5e-4 away from `gelu`. */
export const geluTanh = unary('geluTanh', (g, a) => mul(g, geluTanhDerivative(a)))

/** ½(1 + t) + ½·a·(1 − t²)·u′ with t = tanh(u), u = √(2/π)·(a + 0.044715·a³). */
function geluTanhDerivative(a: Tensor): Tensor {
  const scale = Math.sqrt(2 / Math.PI)
  const square = mul(a, a)
  const t = tanh(mul(mul(a, scale), add(mul(square, 0.044715), 1)))
  const slope = mul(mul(sub(1, mul(t, t)), a), add(mul(square, 3 * 0.044715 * scale), scale))
  return mul(add(add(t, 1), slope), 0.5)
}

export const sigmoid = unary('sigmoid', (g, _, y) => mul(g, mul(y, sub(1, y))))
export const tanh = unary('tanh', (g, _, y) => mul(g, sub(1, mul(y, y))))
/** log(1 + exp(x)). */
export const softplus = unary('softplus', (g, a) => mul(g, sigmoid(a)))

accumulateWith((a, b) => add(a, b))
