import { GradientError } from '../device/errors.js'
import { full, zeros } from './create.js'
import { scope } from './scope.js'
import { sameShape, show } from './shape.js'
import type { Tensor } from './tensor.js'

/**
 * The gradients of an op's inputs from the gradient of its output, in the inputs' order. `needed[i]` says whether
 * input i leads to a tensor that a gradient was asked for; for the others `null` is as good.
 */
export type Backward = (gradient: Tensor, needed: readonly boolean[]) => readonly (Tensor | null)[]

/** One op on the tape. Numbered, so that walking backward is walking down. */
export interface Node {
  readonly number: number
  readonly inputs: readonly Tensor[]
  readonly backward: Backward
}

let recording = true
let recomputing = false
let nextNumber = 1
let add: ((a: Tensor, b: Tensor) => Tensor) | undefined

/** Tells the tape how to add two gradients; called once by `ops/elementwise.ts`. */
export function accumulateWith(sum: (a: Tensor, b: Tensor) => Tensor): void {
  add = sum
}

/** Puts `out = op(inputs)` on the tape, unless no input has a gradient or `noGrad` is in force. */
export function differentiable(out: Tensor, inputs: readonly Tensor[], backward: Backward): Tensor {
  if (willRecord(inputs)) out.node = { number: nextNumber++, inputs, backward }
  return out
}

/**
 * Like `differentiable`, for an op whose gradients come out of kernels that have no gradients of their own. Asked for a
 * second order, it ends in an error instead of leaving a term out.
 */
export function onceDifferentiable(op: string, out: Tensor, inputs: readonly Tensor[], backward: Backward): Tensor {
  return differentiable(out, inputs, (gradient, needed) => {
    const parts = noGrad(() => backward(gradient, needed))
    for (const part of parts) {
      if (!part || part === gradient) continue
      differentiable(part, [gradient, ...inputs], () => {
        throw new GradientError(`${op}: its gradient cannot be differentiated again; write it with ops that can`)
      })
    }
    return parts
  })
}

/** Whether ops on this tensor are recorded. */
export function isTracked(tensor: Tensor): boolean {
  return tensor.requiresGradient || tensor.node !== undefined
}

/** Whether an op on these tensors would be put on the tape now: one that can, makes its gradient along with its value. */
export function willRecord(inputs: readonly Tensor[]): boolean {
  return recording && inputs.some(isTracked)
}

/** Runs `body` without recording: nothing inside has a gradient. */
export function noGrad<Result>(body: () => Result): Result {
  return withRecording(false, body)
}

/** The same values, off the tape. Shares the memory. */
export function stopGradient(x: Tensor): Tensor {
  return x.alias()
}

/** True while `checkpoint` runs a forward pass again: statistics must not be counted twice. */
export function isRecomputing(): boolean {
  return recomputing
}

/**
 * Gradients of a scalar `loss` (or, with `seed`, of Σ seed·loss) with respect to `wanted`. A tensor that the loss does
 * not depend on gets zeros. With `createGraph` the gradients are on the tape themselves, for second order.
 *
 * @throws GradientError when the loss is not on the tape, not a scalar, or a tensor has no gradient to ask for.
 */
export function gradients(
  loss: Tensor,
  wanted: readonly Tensor[],
  options: { readonly seed?: Tensor; readonly createGraph?: boolean } = {},
): Tensor[] {
  const { seed, createGraph = false } = options
  if (!isTracked(loss)) throw new GradientError('gradients: the loss depends on no tensor with requiresGradient')
  if (!seed && loss.size !== 1) throw new GradientError(`gradients: wants a scalar loss, got ${show(loss.shape)}`)
  const stray = wanted.find(tensor => !isTracked(tensor))
  if (stray)
    throw new GradientError(`gradients: a tensor ${show(stray.shape)} was asked for that has no requiresGradient`)
  return withRecording(createGraph, () => {
    // The walk lets go of its gradients as it goes, and the caller's seed is not its own.
    const first = seed ? (createGraph ? seed : seed.alias()) : full(loss.shape, 1, { device: loss.device })
    return walk(loss, first, new Set(wanted), createGraph, wanted)
  })
}

/** The gradient function of a scalar function: `grad(f)(x)`, or an array of gradients for several arguments. */
export function grad<Arguments extends Tensor[]>(f: (...xs: Arguments) => Tensor): (...xs: Arguments) => Tensor[] {
  return (...xs) => valueAndGrad(f)(...xs).gradients
}

/** Like `grad`, with the value beside it. */
export function valueAndGrad<Arguments extends Tensor[]>(f: (...xs: Arguments) => Tensor) {
  return (...xs: Arguments): { value: Tensor; gradients: Tensor[] } =>
    scope(() => {
      const leaves = xs.map(leafOf) as Arguments
      const value = f(...leaves)
      return { value: stopGradient(value), gradients: gradients(value, leaves) }
    })
}

/** A function with a gradient of its own: `forward` is not recorded, `backward` gets what it needs to be. */
export function customGradient(
  forward: (...inputs: Tensor[]) => Tensor,
  backward: (gradient: Tensor, inputs: readonly Tensor[], output: Tensor) => readonly (Tensor | null)[],
): (...inputs: Tensor[]) => Tensor {
  return (...inputs) => {
    const out = noGrad(() => forward(...inputs))
    return differentiable(out, inputs, gradient => backward(gradient, inputs, out))
  }
}

/**
 * Runs `body(...inputs)` without keeping its intermediates, and runs it again when the gradient is wanted: memory for
 * time (Chen et al., 2016, https://arxiv.org/abs/1604.06174). `parameters` are the tensors with a gradient that
 * `body` uses beside its inputs. First order only.
 *
 * @throws GradientError when second order is asked for (`createGraph`)
 */
export function checkpoint(
  body: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  parameters: readonly Tensor[] = [],
): Tensor {
  const out = noGrad(() => scope(() => body(...inputs)))
  return differentiable(out, [...inputs, ...parameters], (seed, needed) => {
    if (recording) throw new GradientError('checkpoint: has first-order gradients only; leave it out for createGraph')
    return withRecording(true, () =>
      scope(() => {
        // Images have no use for a gradient, and the first convolution need not make it.
        const leaves = inputs.map((x, i) => (needed[i] ? leafOf(x) : stopGradient(x)))
        const sources = [...leaves, ...parameters]
        const wanted = sources.filter((_, i) => needed[i])
        const before = recomputing
        recomputing = true
        try {
          const found = gradients(body(...leaves), wanted, { seed })
          return sources.map(source => found[wanted.indexOf(source)] ?? null)
        } finally {
          recomputing = before
        }
      }),
    )
  })
}

function leafOf(x: Tensor): Tensor {
  const leaf = x.alias()
  leaf.requiresGradient = x.dtype === 'float32'
  return leaf
}

function withRecording<Result>(on: boolean, body: () => Result): Result {
  const before = recording
  recording = on
  try {
    return body()
  } finally {
    recording = before
  }
}

/** Gradients on their way: which tensor has which, and how many entries share one gradient tensor. */
class Pending {
  private readonly of = new Map<Tensor, Tensor>()
  private readonly uses = new Map<Tensor, number>()

  /** Adds to what is there. With `free`, a gradient that no entry holds any more goes back to the pool. */
  put(target: Tensor, gradient: Tensor, free: boolean): void {
    const before = this.of.get(target)
    const sum = before ? add!(before, gradient) : gradient
    this.uses.set(sum, (this.uses.get(sum) ?? 0) + 1)
    this.of.set(target, sum)
    if (!before || !free) return
    this.letGo(before)
    if (!this.uses.has(gradient)) gradient.dispose()
  }

  peek(target: Tensor): Tensor | undefined {
    return this.of.get(target)
  }

  letGo(gradient: Tensor): void {
    const left = (this.uses.get(gradient) ?? 1) - 1
    if (left > 0) this.uses.set(gradient, left)
    else {
      this.uses.delete(gradient)
      gradient.dispose()
    }
  }
}

function walk(
  loss: Tensor,
  seed: Tensor,
  wanted: Set<Tensor>,
  createGraph: boolean,
  order: readonly Tensor[],
): Tensor[] {
  const pending = new Pending()
  pending.put(loss, seed, false)
  const path = onThePath(loss, wanted)
  for (const tensor of path.outputs) {
    const node = tensor.node!
    const gradient = pending.peek(tensor)
    if (!gradient) continue
    const needed = node.inputs.map(input => path.leads.has(input))
    // Without a second order in view, what a backward function makes on its way is free at once.
    const found = createGraph ? node.backward(gradient, needed) : scope(() => node.backward(gradient, needed))
    node.inputs.forEach((input, i) => {
      const part = found[i]
      if (!part) return
      if (!needed[i]) {
        if (!createGraph && part !== gradient) part.dispose()
        return
      }
      if (!sameShape(part.shape, input.shape)) {
        throw new GradientError(`gradients: an op gave ${show(part.shape)} as the gradient of ${show(input.shape)}`)
      }
      pending.put(input, part, !createGraph)
    })
    if (!createGraph && !wanted.has(tensor)) pending.letGo(gradient)
  }
  return order.map(tensor => pending.peek(tensor) ?? zeros(tensor.shape, { device: tensor.device }))
}

/** Tensors with a node between the loss and what is wanted, the latest first, and every tensor that leads there. */
function onThePath(loss: Tensor, wanted: Set<Tensor>): { outputs: Tensor[]; leads: Set<Tensor> } {
  const reachable = new Set<Tensor>()
  const stack = [loss]
  while (stack.length > 0) {
    const tensor = stack.pop()!
    if (reachable.has(tensor)) continue
    reachable.add(tensor)
    if (tensor.lostNode) {
      throw new GradientError(
        `gradients: the loss came from a tensor ${show(tensor.shape)} whose memory was given back: ` +
          'make the loss and its gradients in one scope',
      )
    }
    stack.push(...(tensor.node?.inputs ?? []))
  }
  const outputs = [...reachable].filter(tensor => tensor.node).sort((a, b) => a.node!.number - b.node!.number)
  const leads = new Set<Tensor>(wanted)
  for (const tensor of outputs) if (tensor.node!.inputs.some(input => leads.has(input))) leads.add(tensor)
  return { outputs: outputs.filter(tensor => leads.has(tensor)).reverse(), leads }
}
