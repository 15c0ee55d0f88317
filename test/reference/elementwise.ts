import type { Row } from '../../src/ops/elementwise.table.js'
import { type Array64, broadcastShape, broadcastSource, type Reference, sizeOf, unravel, zeros } from './array.js'

/** For every element of the result: the positions in the inputs, and the values there. */
function visit(inputs: Array64[], each: (o: number, positions: number[], values: [number, number, number]) => void) {
  const shape = broadcastShape(...inputs.map(x => x.shape))
  for (let o = 0; o < sizeOf(shape); o++) {
    const index = unravel(o, shape)
    const positions = inputs.map(x => broadcastSource(index, x.shape))
    const value = (k: number) => inputs[k]?.data[positions[k]!] ?? 0
    each(o, positions, [value(0), value(1), value(2)])
  }
  return shape
}

/** The float64 op of a row of the elementwise table, over inputs that broadcast as NumPy's do. */
export function elementwise(row: Row): Reference {
  return {
    forward(inputs) {
      const y = zeros(broadcastShape(...inputs.map(x => x.shape)))
      visit(inputs, (o, _, values) => {
        y.data[o] = row.reference(...values)
      })
      return y
    },
    gradient(inputs, _, dy) {
      const gradients = inputs.map((x, k) => (row.derivative[k] ? zeros(x.shape) : null))
      visit(inputs, (o, positions, values) => {
        row.derivative.forEach((derivative, k) => {
          const gradient = gradients[k]
          if (gradient && derivative) gradient.data[positions[k]!]! += derivative(...values) * dy.data[o]!
        })
      })
      return gradients
    },
  }
}
