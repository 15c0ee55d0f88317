import { type Array64, type Reference, ravel, unravel, zeros } from './array.js'

/** An op that only moves values: `source(i)` is the position in the input of the output's element i. */
function movement<Attributes>(
  shapeOf: (shape: number[], attributes: Attributes) => number[],
  source: (index: number[], shape: number[], attributes: Attributes) => number[],
): Reference<Attributes> {
  return {
    forward([x], attributes) {
      const y = zeros(shapeOf(x!.shape, attributes))
      for (let o = 0; o < y.data.length; o++)
        y.data[o] = x!.data[ravel(source(unravel(o, y.shape), x!.shape, attributes), x!.shape)]!
      return y
    },
    gradient([x], attributes, dy) {
      const dx = zeros(x!.shape)
      for (let o = 0; o < dy.data.length; o++)
        dx.data[ravel(source(unravel(o, dy.shape), x!.shape, attributes), x!.shape)]! += dy.data[o]!
      return [dx]
    },
  }
}

/** Axis i of the result is axis `axes[i]` of x. */
export const transpose = movement<{ axes: number[] }>(
  (shape, { axes }) => axes.map(axis => shape[axis]!),
  (index, shape, { axes }) => shape.map((_, axis) => index[axes.indexOf(axis)]!),
)

/** The block of `sizes` that begins at `starts`. */
export const slice = movement<{ starts: number[]; sizes: number[] }>(
  (_, { sizes }) => sizes,
  (index, _, { starts }) => index.map((i, axis) => i + starts[axis]!),
)

/** The same values in another shape. */
export const reshape: Reference<{ shape: number[] }> = {
  forward: ([x], { shape }) => ({ shape, data: x!.data }),
  gradient: ([x], _, { data }) => [{ shape: x!.shape, data }],
}

/** The inputs one behind the other along `axis`. */
export const concat: Reference<{ axis: number }> = {
  forward(inputs, { axis }) {
    const shape = [...inputs[0]!.shape]
    shape[axis] = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0)
    const y = zeros(shape)
    visit(inputs, axis, shape, (x, i, o) => {
      y.data[o] = inputs[x]!.data[i]!
    })
    return y
  },
  gradient(inputs, { axis }, dy) {
    const gradients = inputs.map(x => zeros(x.shape))
    visit(inputs, axis, dy.shape, (x, i, o) => {
      gradients[x]!.data[i] = dy.data[o]!
    })
    return gradients
  },
}

/** Visits every value of a concatenation: number of the input, position in it, position in the result. */
function visit(inputs: Array64[], axis: number, shape: number[], each: (x: number, i: number, o: number) => void) {
  let start = 0
  inputs.forEach((input, x) => {
    for (let i = 0; i < input.data.length; i++) {
      const index = unravel(i, input.shape)
      index[axis]! += start
      each(x, i, ravel(index, shape))
    }
    start += input.shape[axis]!
  })
}
