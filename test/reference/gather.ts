import { type Array64, type Reference, sizeOf, zeros } from './array.js'

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

/** y[n, k] = x[n, indices[n, k]]. Inputs [x, indices]. */
export const gatherTokens: Reference = {
  forward([x, indices]) {
    const { inner, positions } = tokensOf(x!, indices!)
    const y = zeros([...indices!.shape, ...x!.shape.slice(2)])
    positions.forEach((from, to) => {
      for (let i = 0; i < inner; i++) y.data[to * inner + i] = x!.data[from * inner + i]!
    })
    return y
  },
  gradient([x, indices], _, { data: dy }) {
    const { inner, positions } = tokensOf(x!, indices!)
    const dx = zeros(x!.shape)
    positions.forEach((from, to) => {
      for (let i = 0; i < inner; i++) dx.data[from * inner + i]! += dy[to * inner + i]!
    })
    return [dx, null]
  },
}

/** Which token of all images is the k-th picked one of all. */
function tokensOf(x: Array64, indices: Array64): { inner: number; positions: number[] } {
  const [, length] = x.shape as [number, number]
  const each = indices.shape[1]!
  const positions = Array.from(indices.data, (index, k) => Math.floor(k / each) * length + index)
  return { inner: sizeOf(x.shape.slice(2)), positions }
}
