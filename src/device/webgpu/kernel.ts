import { DeviceError } from '../errors.js'
import { type KernelName, kernels } from './kernels.generated.js'
import { PARAMS_SLOT } from './pipelines.js'
import type { Dispatch } from './plan.js'
import { preprocess } from './preprocess.js'

export type ParamType = 'u32' | 'i32' | 'f32'

/** A kernel with its textual parameters filled in, and what its text says about its bindings. */
export interface Kernel {
  /** Kernel name and parameters: the key of its pipeline. */
  readonly key: string
  readonly source: string
  /** For each `@binding` of group 0, whether the kernel writes to it. */
  readonly writes: readonly boolean[]
  /** The fields of `struct Params` in order. */
  readonly params: readonly { readonly name: string; readonly type: ParamType }[]
}

const cache = new Map<string, Kernel>()

/** The kernel of a dispatch; the same text is parsed once a process. */
export function kernelOf(dispatch: Dispatch): Kernel {
  const key = keyOf(dispatch.kernel, dispatch.parameters ?? {})
  let kernel = cache.get(key)
  if (!kernel) {
    kernel = parse(key, preprocess(dispatch.kernel, kernels[dispatch.kernel], dispatch.parameters ?? {}))
    cache.set(key, kernel)
  }
  return kernel
}

function keyOf(name: KernelName, parameters: Readonly<Record<string, number | string>>): string {
  let key: string = name
  for (const parameter of Object.keys(parameters).sort()) key += `|${parameter}=${parameters[parameter]}`
  return key
}

/** Reads bindings and `struct Params` from WGSL text. Exported for its test. */
export function parse(key: string, source: string): Kernel {
  const text = source.replace(/\/\/.*$/gm, '')
  const writes: boolean[] = []
  for (const [, binding, access] of text.matchAll(
    /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>/g,
  )) {
    writes[Number(binding)] = access === 'read_write'
  }
  for (let i = 0; i < writes.length; i++) {
    if (writes[i] === undefined) throw new DeviceError(`kernel ${key}: group 0 has no @binding(${i})`)
  }
  const body = /struct Params\s*\{([^}]*)\}/.exec(text)?.[1] ?? ''
  const params = [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, name, type]) => {
    if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
      throw new DeviceError(`kernel ${key}: field ${name} of Params is ${type}, wants u32, i32 or f32`)
    }
    return { name: name!, type } as const
  })
  if (4 * params.length > PARAMS_SLOT) {
    throw new DeviceError(`kernel ${key}: Params has ${params.length} fields, at most ${PARAMS_SLOT / 4} fit`)
  }
  return { key, source, writes, params }
}

/** Writes a dispatch's parameters into `view` at byte `offset`, in the order of the kernel's `struct Params`. */
export function encodeParams(kernel: Kernel, dispatch: Dispatch, view: DataView, offset: number): void {
  const params = dispatch.params ?? {}
  kernel.params.forEach(({ name, type }, i) => {
    const value = params[name]!
    const at = offset + 4 * i
    if (type === 'f32') view.setFloat32(at, value, true)
    else if (type === 'i32') view.setInt32(at, value, true)
    else view.setUint32(at, value, true)
  })
}
