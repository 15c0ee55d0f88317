import { scope } from '../../src/tensor/scope.js'
import type { Tensor } from '../../src/tensor/tensor.js'

/** Shapes and elements of what `body` returns; everything it made is given back. */
export async function valuesOf(body: () => readonly Tensor[]): Promise<{ shape: number[]; data: number[] }[]> {
  const found = scope(() => [...body()])
  const values = await Promise.all(found.map(async x => ({ shape: [...x.shape], data: [...(await x.data())] })))
  for (const each of found) each.dispose()
  return values
}
