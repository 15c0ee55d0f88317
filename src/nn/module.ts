import { ConfigError, DataError } from '../device/errors.js'
import { type Shape, sameShape, show } from '../tensor/shape.js'
import { ARRAYS, type Dtype, Tensor, type TypedArray } from '../tensor/tensor.js'

/**
 * What batch norm does: `update` normalises with the batch's statistics and counts them into the running ones,
 * `frozen` normalises with the batch's and leaves the running ones, `inference` normalises with the running ones.
 */
export type Mode = 'update' | 'frozen' | 'inference'

/** The values of one tensor on the host. */
export interface StateEntry {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly data: TypedArray
}

export type StateDict = Map<string, StateEntry>

/**
 * A part of a network. Its tensors are its own properties, and those of modules (and arrays of modules) among its
 * properties; a tensor's name is the path to it, `stages.0.1.convolution1.filter`, in the order in which the properties
 * were set. Every tensor is a parameter, except those that `bufferNames` lists. They live until `dispose()`. A tensor
 * that is somebody else's belongs in a `#private` property.
 *
 *   class Head extends Module {
 *     readonly linear = new Linear({ inputs: 128, outputs: 10, generator })
 *     forward(x: Tensor): Tensor { return this.linear.forward(x) }
 *   }
 */
export abstract class Module {
  #mode: Mode = 'update'

  abstract forward(x: Tensor): Tensor

  /** Properties that are state but not trained: running statistics. */
  protected get bufferNames(): readonly string[] {
    return []
  }

  get mode(): Mode {
    return this.#mode
  }

  /** Set for this module and all below it. */
  set mode(mode: Mode) {
    for (const module of this.modules()) module.#mode = mode
  }

  /** This module and all below it, a module before those below it. */
  modules(): Module[] {
    return walk(this).map(([, module]) => module)
  }

  train(): this {
    this.mode = 'update'
    return this
  }

  eval(): this {
    this.mode = 'inference'
    return this
  }

  /** Trained tensors by name, in a stable order. */
  namedParameters(): [string, Tensor][] {
    return this.named((module, property) => !module.bufferNames.includes(property))
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor)
  }

  /** Tensors that are state but not trained, by name, in a stable order. */
  namedBuffers(): [string, Tensor][] {
    return this.named((module, property) => module.bufferNames.includes(property))
  }

  /** Parameters and buffers on the host. All reads are queued at the call, so that they see one moment's values. */
  async stateDict(): Promise<StateDict> {
    const entries = this.state().map(async ([name, tensor]): Promise<[string, StateEntry]> => {
      return [name, { shape: tensor.shape, dtype: tensor.dtype, data: await tensor.data() }]
    })
    return new Map(await Promise.all(entries))
  }

  /**
   * Overwrites parameters and buffers. Everything is checked first: either all of it is loaded, or nothing. With
   * `strict: false`, tensors that the state lacks keep their values and names that the module lacks are passed over.
   *
   * @throws DataError that lists what is missing, unexpected, or of another shape or dtype.
   */
  loadStateDict(state: ReadonlyMap<string, StateEntry>, { strict = true }: { readonly strict?: boolean } = {}): void {
    const own = new Map(this.state())
    const faults: string[] = []
    if (strict) {
      const missing = [...own.keys()].filter(name => !state.has(name))
      const unexpected = [...state.keys()].filter(name => !own.has(name))
      if (missing.length > 0) faults.push(`missing ${missing.join(', ')}`)
      if (unexpected.length > 0) faults.push(`unexpected ${unexpected.join(', ')}`)
    }
    const found = [...own].flatMap(([name, tensor]) => {
      const entry = state.get(name)
      return entry ? [{ name, tensor, entry }] : []
    })
    for (const { name, tensor, entry } of found) {
      const { shape, dtype, data } = entry
      if (dtype !== tensor.dtype || !sameShape(shape, tensor.shape)) {
        faults.push(`${name} wants ${tensor.dtype} ${show(tensor.shape)}, got ${dtype} ${show(shape)}`)
      } else if (!(data instanceof ARRAYS[dtype]) || data.length !== tensor.size) {
        faults.push(`${name} wants ${tensor.size} elements in a ${ARRAYS[dtype].name}, got ${data.length}`)
      }
    }
    if (faults.length > 0) throw new DataError(`loadStateDict: ${faults.join('; ')}; nothing was loaded`)
    for (const { tensor, entry } of found) tensor.write(entry.data)
  }

  /** Gives all tensors back. */
  dispose(): void {
    for (const [, tensor] of this.state()) tensor.dispose()
  }

  private state(): [string, Tensor][] {
    return [...this.namedParameters(), ...this.namedBuffers()]
  }

  private named(wanted: (module: Module, property: string) => boolean): [string, Tensor][] {
    return walk(this).flatMap(([path, module]) =>
      Object.entries(module).flatMap(([property, value]): [string, Tensor][] =>
        value instanceof Tensor && wanted(module, property) ? [[join(path, property), value]] : [],
      ),
    )
  }
}

/**
 * Named modules as one: what `namedParameters` of an object with these properties would give. The encoder and the
 * projector of a method are packed and saved under their names this way.
 */
export function namedTensors(
  modules: Readonly<Record<string, Module>>,
  which: 'namedParameters' | 'namedBuffers',
): [string, Tensor][] {
  return Object.entries(modules).flatMap(([name, module]) =>
    module[which]().map(([path, tensor]): [string, Tensor] => [join(name, path), tensor]),
  )
}

/** Every module with its path, a module before those below it. */
function walk(root: Module): [string, Module][] {
  const found: [string, Module][] = []
  const seen = new Set<Module>()
  const visit = (path: string, value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach((element, i) => {
        visit(join(path, String(i)), element)
      })
    } else if (value instanceof Module) {
      if (seen.has(value))
        throw new ConfigError(`module: ${path} is used twice in one network; hold it in one property`)
      seen.add(value)
      found.push([path, value])
      for (const [property, below] of Object.entries(value)) visit(join(path, property), below)
    }
  }
  visit('', root)
  return found
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
