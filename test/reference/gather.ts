import { type Reference, sizeOf, zeros } from './array.js'

/** The array as [outer, extent, inner] around one axis. */
function around(shape: number[], axis: number): { outer: number; extent: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), extent: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) }
}

/** y = x with axis `axis` replaced by `x[…, indices, …]`. Inputs [x, indices]. */
export const gather: Reference<{ axis?: number }> = {
  forward([x, indices], { axis = 0 }) {
    const { outer, extent, inner } = around(x!.shape, axis)
    const count = indices!.data.length
    const y = zeros([...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)])
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < count; k++)
        for (let i = 0; i < inner; i++)
          y.data[(o * count + k) * inner + i] = x!.data[(o * extent + indices!.data[k]!) * inner + i]!
    return y
  },
  gradient([x, indices], { axis = 0 }, { data: dy }) {
    const { outer, extent, inner } = around(x!.shape, axis)
    const count = indices!.data.length
    const dx = zeros(x!.shape)
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < count; k++)
        for (let i = 0; i < inner; i++)
          dx.data[(o * extent + indices!.data[k]!) * inner + i]! += dy[(o * count + k) * inner + i]!
    return [dx, null]
  },
}

/** y [rows, …], y[indices[k]] += updates[k]. Inputs [updates, indices]; repeated indices add up. */
export const scatterAdd: Reference<{ rows: number }> = {
  forward([updates, indices], { rows }) {
    const { extent, inner } = around(updates!.shape, 0)
    const y = zeros([rows, ...updates!.shape.slice(1)])
    for (let k = 0; k < extent; k++)
      for (let i = 0; i < inner; i++) y.data[indices!.data[k]! * inner + i]! += updates!.data[k * inner + i]!
    return y
  },
  gradient: ([, indices], _, outputGradient) => [gather.forward([outputGradient, indices!], {}), null],
}

/** y[i] = x[permutation[i]]. Inputs [x, permutation]. */
export const permute: Reference = {
  forward: inputs => gather.forward(inputs, {}),
  gradient: (inputs, _, outputGradient) => gather.gradient(inputs, {}, outputGradient),
}
