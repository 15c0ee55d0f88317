import { ConfigError } from '../device/errors.js'
import type { Shape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { Arena } from './arena.js'
import { type Module, namedTensors } from './module.js'

/** The groups of parameters that optimisers tell apart. */
export type ParameterGroup = 'decay' | 'noDecay'

/** Biases and the parameters of norms are not decayed: everything of less than two axes. */
export function groupByRank(shape: Shape): ParameterGroup {
  return shape.length < 2 ? 'noDecay' : 'decay'
}

export interface ModelStateOptions {
  /** Every parameter goes to the group `decay`, as with PyTorch's optimisers left alone. @default false */
  readonly everythingDecays?: boolean
  /** Parameters whose names begin with one of these are in groups of their own: `predictor./decay`, … */
  readonly prefixes?: readonly string[]
  /** The largest page, in bytes, for tests of paging. */
  readonly pageBytes?: number
}

/**
 * The tensors of a method's modules, packed: trained parameters in one arena (groups `decay` and `noDecay`), gradients in
 * another of the same layout, and buffers in a third, which no optimiser, decay or EMA touches. Names are
 * `MODULE.PATH`. A parameter whose `requiresGradient` was set to false is frozen and stays where it is.
 */
export class ModelState {
  readonly parameters: Arena
  readonly gradients: Arena
  /** Running statistics; none where the modules have no buffers. */
  readonly buffers: Arena | undefined
  /** Parameters that are not trained, by name. */
  readonly frozen: readonly (readonly [string, Tensor])[]

  /** @throws ConfigError when nothing is there to be trained. */
  constructor(
    modules: Readonly<Record<string, Module>>,
    { everythingDecays = false, prefixes = [], pageBytes }: ModelStateOptions = {},
  ) {
    const options = pageBytes === undefined ? {} : { pageBytes }
    const all = namedTensors(modules, 'namedParameters')
    const trained = all.filter(([, tensor]) => tensor.requiresGradient)
    this.frozen = all.filter(([, tensor]) => !tensor.requiresGradient)
    const [first] = trained
    if (!first) throw new ConfigError('ModelState: the modules have no parameter that requires a gradient')
    const { device } = first[1]
    const parameters = trained.map(([name, tensor]) => {
      const prefix = prefixes.find(start => name.startsWith(start))
      const group = everythingDecays ? 'decay' : groupByRank(tensor.shape)
      return { name, group: prefix === undefined ? group : `${prefix}/${group}`, tensor }
    })
    const buffers = namedTensors(modules, 'namedBuffers').map(([name, tensor]) => ({ name, group: 'buffers', tensor }))
    this.parameters = new Arena(parameters, device, options)
    this.gradients = this.parameters.like()
    if (buffers.length > 0) this.buffers = new Arena(buffers, device, options)
  }

  /** Gives the arenas back; the modules' own tensors live until their modules are disposed. */
  dispose(): void {
    this.parameters.dispose()
    this.gradients.dispose()
    this.buffers?.dispose()
  }
}
