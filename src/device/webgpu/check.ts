import type { Limits, Slice } from '../device.js'
import type { Kernel } from './kernel.js'
import type { Dispatch } from './plan.js'

/** A dispatch whose scratch has been lent: every binding is a slice. */
export type Resolved = Omit<Dispatch, 'bindings'> & { readonly bindings: readonly Slice[] }

/**
 * What is wrong with a dispatch, or nothing. Pure, and run before anything is encoded: WebGPU would drop the whole
 * submission silently and the tensors would keep stale values.
 */
export function faultOf(dispatch: Resolved, kernel: Kernel, limits: Limits): string | undefined {
  return (
    countFault(dispatch, kernel, limits) ??
    paramFault(dispatch, kernel) ??
    gridFault(dispatch, limits) ??
    rangeFault(dispatch, limits) ??
    aliasFault(dispatch, kernel)
  )
}

function countFault({ bindings }: Resolved, kernel: Kernel, limits: Limits): string | undefined {
  if (bindings.length !== kernel.writes.length) {
    return `wants ${kernel.writes.length} bindings, got ${bindings.length}`
  }
  if (bindings.length > limits.maxStorageBuffers) {
    return `binds ${bindings.length} storage buffers, the device has room for ${limits.maxStorageBuffers}`
  }
  return undefined
}

function paramFault(dispatch: Resolved, kernel: Kernel): string | undefined {
  const given = dispatch.params ?? {}
  for (const { name } of kernel.params) {
    if (!Number.isFinite(given[name])) return `wants a finite number for params.${name}, got ${given[name]}`
  }
  const surplus = Object.keys(given).find(name => !kernel.params.some(param => param.name === name))
  return surplus === undefined ? undefined : `has no params.${surplus}`
}

function gridFault({ grid }: Resolved, limits: Limits): string | undefined {
  const most = limits.maxWorkgroupsPerDimension
  const bad = grid.some(size => !Number.isInteger(size) || size < 1 || size > most)
  return bad ? `wants a grid of whole numbers from 1 to ${most}, got [${grid}]` : undefined
}

function rangeFault({ bindings }: Resolved, limits: Limits): string | undefined {
  for (const [i, { buffer, offset, bytes }] of bindings.entries()) {
    if (offset % 256 !== 0 || offset < 0) return `binding ${i} begins at byte ${offset}, wants a multiple of 256`
    if (bytes < 1 || offset + bytes > buffer.bytes) {
      return `binding ${i} covers bytes ${offset} to ${offset + bytes} of a buffer of ${buffer.bytes}`
    }
    if (bytes > limits.maxBindingBytes) {
      return `binding ${i} has ${bytes} bytes, the device binds at most ${limits.maxBindingBytes}: use pages`
    }
  }
  return undefined
}

/** Within one dispatch a buffer is read only, or written only: WebGPU tracks usage per buffer, not per range. */
function aliasFault({ bindings }: Resolved, kernel: Kernel): string | undefined {
  for (let i = 0; i < bindings.length; i++) {
    for (let j = i + 1; j < bindings.length; j++) {
      const a = bindings[i]!
      const b = bindings[j]!
      if (a.buffer !== b.buffer || (!kernel.writes[i] && !kernel.writes[j])) continue
      const overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
      if (kernel.writes[i] !== kernel.writes[j]) return `bindings ${i} and ${j} read and write the same buffer`
      if (overlap) return `bindings ${i} and ${j} write to the same bytes`
    }
  }
  return undefined
}
