import { ConfigError, ShapeError } from '../../device/errors.js'
import { sameShape, show } from '../../tensor/shape.js'
import { type Tensor, wantDtype } from '../../tensor/tensor.js'

/**
 * The size of two batches of embeddings whose rows belong together.
 * @throws ShapeError unless both are [B, D] with B of at least `least`, DtypeError unless float32
 */
export function wantPairs(loss: string, a: Tensor, b: Tensor, least = 1): { rows: number; columns: number } {
  wantDtype(loss, 'float32', a, b)
  const [rows, columns] = a.shape as [number, number]
  if (a.rank !== 2 || !sameShape(a.shape, b.shape) || rows < least) {
    const bound = least > 1 ? ` with B ≥ ${least}` : ''
    throw new ShapeError(`${loss}: wants two views [B,D]${bound}, got ${show(a.shape)} and ${show(b.shape)}`)
  }
  return { rows, columns }
}

/** @throws ConfigError unless the temperature is a positive number */
export function wantTemperature(loss: string, temperature: number): void {
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`${loss}: wants a temperature above 0, got ${temperature}`)
  }
}

/**
 * How many images z [2B, D] shows: the rows of one view and then those of the other, in the same order.
 * @throws ShapeError for another shape or a B below `least`, DtypeError unless float32
 */
export function wantViews(loss: string, z: Tensor, least = 1): { batch: number } {
  wantDtype(loss, 'float32', z)
  const batch = (z.shape[0] ?? 0) / 2
  if (z.rank !== 2 || !Number.isInteger(batch) || batch < least) {
    const bound = least > 1 ? ` with B ≥ ${least}` : ''
    const order = 'the rows of one view and then those of the other'
    throw new ShapeError(`${loss}: wants z [2B,D]${bound}, ${order}, got ${show(z.shape)}`)
  }
  return { batch }
}
