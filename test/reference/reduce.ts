import { type Array64, type Reference, ravel, sizeOf, unravel, zeros } from './array.js'

export interface ReduceAttributes {
  /** Undefined: all axes. Negative ones count from the end. */
  axes?: number | number[] | undefined
  keepDims?: boolean
}

/** For every output element, the positions of the input elements that it is made from, in row-major order. */
function members(x: Array64, { axes, keepDims = false }: ReduceAttributes): { shape: number[]; positions: number[][] } {
  const rank = x.shape.length
  const listed = axes === undefined ? x.shape.map((_, axis) => axis) : [axes].flat()
  const reduced = new Set(listed.map(axis => (axis < 0 ? axis + rank : axis)))
  const kept = x.shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent))
  const positions = Array.from({ length: sizeOf(kept) }, (): number[] => [])
  for (let i = 0; i < x.data.length; i++) {
    const index = unravel(i, x.shape).map((at, axis) => (reduced.has(axis) ? 0 : at))
    positions[ravel(index, kept)]!.push(i)
  }
  return { shape: keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis)), positions }
}

/** An op that makes one value of each group, and one partial derivative for each member of the group. */
function reduction<Attributes extends ReduceAttributes>(
  value: (group: number[], attributes: Attributes) => number,
  partials: (group: number[], attributes: Attributes) => number[],
): Reference<Attributes> {
  return {
    forward([x], attributes) {
      const { shape, positions } = members(x!, attributes)
      return {
        shape,
        data: Float64Array.from(positions, group =>
          value(
            group.map(i => x!.data[i]!),
            attributes,
          ),
        ),
      }
    },
    gradient([x], attributes, outputGradient) {
      const dx = zeros(x!.shape)
      members(x!, attributes).positions.forEach((group, o) => {
        const partial = partials(
          group.map(i => x!.data[i]!),
          attributes,
        )
        group.forEach((i, k) => {
          dx.data[i] = partial[k]! * outputGradient.data[o]!
        })
      })
      return [dx]
    },
  }
}

const total = (values: number[]) => values.reduce((sum, v) => sum + v, 0)
const average = (values: number[]) => total(values) / values.length
/** One at the first of the values equal to `best`: where there are ties, the first takes the gradient. */
const oneHot = (values: number[], best: number) => values.map((_, i) => (i === values.indexOf(best) ? 1 : 0))

export const sum = reduction(total, values => values.map(() => 1))
export const mean = reduction(average, values => values.map(() => 1 / values.length))
export const max = reduction(
  values => Math.max(...values),
  values => oneHot(values, Math.max(...values)),
)
export const min = reduction(
  values => Math.min(...values),
  values => oneHot(values, Math.min(...values)),
)

/** Σ (x − mean)² / (n − correction). */
export const variance = reduction<ReduceAttributes & { correction?: number }>(
  (values, { correction = 0 }) => {
    const center = average(values)
    return total(values.map(v => (v - center) ** 2)) / (values.length - correction)
  },
  (values, { correction = 0 }) => values.map(v => (2 * (v - average(values))) / (values.length - correction)),
)

/** The index of the first maximum along one axis. */
export function argmax(x: Array64, axis: number): Array64 {
  const { shape, positions } = members(x, { axes: axis })
  const first = (group: number[]) => {
    const values = group.map(i => x.data[i]!)
    return values.indexOf(Math.max(...values))
  }
  return { shape, data: Float64Array.from(positions, first) }
}
