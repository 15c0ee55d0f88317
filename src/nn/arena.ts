import type { Device, Slice } from '../device/device.js'
import { ConfigError, DeviceError, ShapeError } from '../device/errors.js'
import { fill } from '../tensor/create.js'
import { keep } from '../tensor/scope.js'
import { type Shape, sameShape, show, sizeOf } from '../tensor/shape.js'
import { Storage, Tensor, wantDtype } from '../tensor/tensor.js'
import { copyInto } from './copyInto.js'

/** What goes into an arena: a tensor that moves in with its values, or the shape of a slot to be filled. */
export interface ArenaEntry {
  readonly name: string
  /** Slots of different groups lie on different pages, so that one launch treats one page of one group. */
  readonly group: string
  readonly tensor: Tensor | { readonly shape: Shape }
}

export interface ArenaOptions {
  /** The largest page, in bytes; never more than the device can bind. */
  readonly pageBytes?: number
  /** The value of slots that no tensor moves into. */
  readonly fill?: number
}

/** A stretch of memory that one launch can bind. */
export interface Page {
  readonly group: string
  readonly storage: Storage
  readonly bytes: number
  /** The whole page, as an operand. */
  readonly slice: Slice
}

/** One tensor's place. `offset` in bytes, a multiple of 256; what is left up to the next slot is zero. */
export interface Slot {
  readonly name: string
  readonly group: string
  readonly page: number
  readonly offset: number
  readonly tensor: Tensor
}

const ALIGNMENT = 256

/**
 * Many float32 tensors in few buffers: the parameters of a model, their gradients, moments or EMA copies, so that an
 * optimiser's step is one launch a page. Slots begin at multiples of 256 bytes (what a binding may begin at) and
 * padding is zero, so that a kernel may run over a whole page.
 */
export class Arena {
  readonly pages: readonly Page[]
  readonly slots: readonly Slot[]
  private readonly byName: ReadonlyMap<string, Slot>
  private readonly own: readonly Tensor[]

  /**
   * Tensors among the entries keep their values and their owner, and live here from now on.
   *
   * @throws ConfigError when a name comes twice, DeviceError when a slot does not fit into a page.
   */
  constructor(
    entries: readonly ArenaEntry[],
    readonly device: Device,
    private readonly options: ArenaOptions = {},
  ) {
    const { maxBindingBytes, maxBufferBytes } = device.info.limits
    const places = layOut(
      entries,
      Math.min(options.pageBytes ?? Number.POSITIVE_INFINITY, maxBindingBytes, maxBufferBytes),
    )
    this.pages = places.pages.map(({ group, bytes }) => {
      const storage = new Storage(device, device.alloc(bytes))
      const slice = { buffer: storage.buffer, offset: 0, bytes }
      device.launch({ op: 'fill', out: slice, bits: 0, count: bytes / 4 })
      return { group, storage, bytes, slice }
    })
    const own: Tensor[] = []
    this.slots = entries.map(({ name, group, tensor }, i) => {
      const { page, offset } = places.slots[i]!
      const { storage } = this.pages[page]!
      const slot = { name, group, page, offset }
      if (tensor instanceof Tensor) {
        move(tensor, storage, offset)
        return { ...slot, tensor }
      }
      const fresh = keep(new Tensor(storage.retain(), offset, tensor.shape, 'float32'))
      if (options.fill) fill(fresh, options.fill)
      own.push(fresh)
      return { ...slot, tensor: fresh }
    })
    this.own = own
    this.byName = new Map(this.slots.map(slot => [slot.name, slot]))
  }

  /** The names of the slots, in the order of the entries. */
  get names(): string[] {
    return this.slots.map(({ name }) => name)
  }

  /** The tensors that lie in the slots, in the order of `names`. */
  get tensors(): Tensor[] {
    return this.slots.map(({ tensor }) => tensor)
  }

  /** @throws ConfigError for a name that is not in the arena. */
  slot(name: string): Tensor {
    const slot = this.byName.get(name)
    if (!slot) throw new ConfigError(`arena: has no slot ${name}; it holds ${this.names.join(', ')}`)
    return slot.tensor
  }

  /** The same layout in new memory, every slot filled with `value`: for gradients, moments, EMA copies. */
  like(value = 0): Arena {
    const entries = this.slots.map(({ name, group, tensor }) => ({ name, group, tensor: { shape: tensor.shape } }))
    return new Arena(entries, this.device, { ...this.options, fill: value })
  }

  /** @throws ShapeError unless `other` has the same slots in the same places: one launch runs over both. */
  wantSameLayout(what: string, other: Arena): void {
    if (other.slots.length !== this.slots.length) {
      throw new ShapeError(`${what}: wants an arena of ${this.slots.length} slots, got one of ${other.slots.length}`)
    }
    this.slots.forEach((mine, i) => {
      const theirs = other.slots[i]!
      const same = mine.page === theirs.page && mine.offset === theirs.offset && mine.group === theirs.group
      if (same && sameShape(mine.tensor.shape, theirs.tensor.shape)) return
      throw new ShapeError(`${what}: slot ${i} is ${describe(mine)} in one arena and ${describe(theirs)} in the other`)
    })
  }

  /**
   * Copies gradients, in the order of `names`, into the slots; with `accumulate` adds them to what is there. One
   * launch a tensor. The gradients stay the caller's.
   *
   * @throws ShapeError when their number or a shape is another.
   */
  gatherInto(gradients: readonly Tensor[], options: { readonly accumulate?: boolean } = {}): void {
    if (gradients.length !== this.slots.length) {
      throw new ShapeError(`gatherInto: wants ${this.slots.length} tensors, one a slot, got ${gradients.length}`)
    }
    gradients.forEach((gradient, i) => {
      const { name, tensor } = this.slots[i]!
      wantDtype('gatherInto', 'float32', gradient)
      if (!sameShape(gradient.shape, tensor.shape)) {
        throw new ShapeError(`gatherInto: ${name} wants ${show(tensor.shape)}, got ${show(gradient.shape)}`)
      }
    })
    gradients.forEach((gradient, i) => {
      copyInto(gradient, this.slots[i]!.tensor, options.accumulate)
    })
  }

  /** Gives back the arena's hold on its memory. Tensors that moved in keep theirs until they are disposed. */
  dispose(): void {
    for (const tensor of this.own) tensor.dispose()
    for (const { storage } of this.pages) storage.release()
  }
}

function describe({ name, group, page, offset, tensor }: Slot): string {
  return `${name} ${show(tensor.shape)} of group ${group} (page ${page}, byte ${offset})`
}

function move(tensor: Tensor, storage: Storage, offset: number): void {
  const from = tensor.slice
  const to = { buffer: storage.buffer, offset, bytes: from.bytes }
  storage.device.launch({ op: 'copyInto', from, to, count: tensor.size, accumulate: false })
  tensor.moveTo(storage, offset)
}

/** Places every entry: groups in the order in which they first come, first come first placed within each. */
function layOut(entries: readonly ArenaEntry[], mostBytes: number) {
  const names = entries.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new ConfigError(`arena: the name ${twice} comes twice`)
  const most = Math.floor(mostBytes / ALIGNMENT) * ALIGNMENT
  const pages: { group: string; bytes: number }[] = []
  const slots: { page: number; offset: number }[] = []
  for (const group of new Set(entries.map(entry => entry.group))) {
    let page = -1
    entries.forEach(({ name, tensor, group: itsGroup }, i) => {
      if (itsGroup !== group) return
      if (tensor instanceof Tensor) wantDtype(`arena: ${name}`, 'float32', tensor)
      const bytes = Math.ceil((4 * sizeOf(tensor.shape)) / ALIGNMENT) * ALIGNMENT
      if (bytes > most) {
        throw new DeviceError(`arena: ${name} ${show(tensor.shape)} needs ${bytes} bytes, a page holds at most ${most}`)
      }
      if (page < 0 || pages[page]!.bytes + bytes > most) page = pages.push({ group, bytes: 0 }) - 1
      slots[i] = { page, offset: pages[page]!.bytes }
      pages[page]!.bytes += bytes
    })
  }
  return { pages, slots }
}
