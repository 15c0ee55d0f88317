import { SelfsameError } from '../device/errors.js'
import type { Tensor } from './tensor.js'

const scopes: Set<Tensor>[] = []

/** What a scope may return: tensors, and plain arrays and objects of them. */
export type Tensors =
  | Tensor
  | null
  | undefined
  | number
  | boolean
  | string
  | readonly Tensors[]
  | { readonly [key: string]: Tensors }

/**
 * Runs `body` and gives every tensor made inside back to the pool, except those in its result, which belong to the
 * surrounding scope from then on.
 *
 *   const loss = scope(() => mean(mul(error, error)))
 *
 * @throws SelfsameError for an async body, whose tensors would be gone before it ends
 */
export function scope<Result>(body: () => Result): Result {
  const mine = new Set<Tensor>()
  scopes.push(mine)
  let result: Result
  try {
    result = body()
  } catch (error) {
    end(mine, new Set())
    throw error
  }
  end(mine, new Set(tensorsOf(result)))
  if (result instanceof Promise) {
    throw new SelfsameError('scope: wants a body that runs at once, got a promise: await outside the scope')
  }
  return result
}

/** Takes a tensor out of its scope: it lives until `dispose()`. Parameters and buffers of modules are kept. */
export function keep<Kept extends Tensor>(tensor: Kept): Kept {
  for (const scope of scopes) scope.delete(tensor)
  return tensor
}

/** Called by the constructor of every tensor. */
export function collect(tensor: Tensor): void {
  scopes.at(-1)?.add(tensor)
}

function end(mine: Set<Tensor>, survivors: Set<Tensor>): void {
  scopes.pop()
  const outer = scopes.at(-1)
  for (const tensor of mine) {
    if (survivors.has(tensor)) outer?.add(tensor)
    else tensor.dispose()
  }
}

function tensorsOf(value: unknown): Tensor[] {
  if (typeof value !== 'object' || value === null) return []
  if ('slice' in value && 'dispose' in value) return [value as Tensor]
  if (Array.isArray(value)) return value.flatMap(tensorsOf)
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value).flatMap(tensorsOf) : []
}
