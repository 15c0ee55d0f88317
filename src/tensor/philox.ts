import { ConfigError } from '../device/errors.js'

/**
 * Philox 4×32-10 (Salmon, Moraes, Dror & Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed
 * bijection of 128-bit counters, ten rounds of two 32-bit multiplications. No state is carried from one number to the
 * next, so any draw can be made again, anywhere, from its counter. `kernels/lib/philox.wgsl` gives the same bits.
 */
const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85

/** The upper 32 bits of the product of two 32-bit numbers, from 16-bit halves: every partial sum stays exact. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  return (aHigh * bHigh + (middle >>> 16) + ((aLow * bHigh + (middle & 0xffff)) >>> 16)) >>> 0
}

/**
 * Enciphers one counter (four words) under one key (two words) and writes the four resulting words to `out`.
 * `c3` is the most significant word of the counter.
 */
export function philox(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0)
    const low0 = Math.imul(multiplier0, c0)
    const high1 = multiplyHigh(multiplier1, c2)
    const low1 = Math.imul(multiplier1, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + weyl0) | 0
    k1 = (k1 + weyl1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** A float32 in [0, 1) from the upper 24 bits of a word: exactly what `uniform_float32` of the kernels gives. */
export function uniformFloat32(word: number): number {
  return (word >>> 8) / 0x1000000
}

/** Everything a generator is, for a checkpoint. `counter` counts the 32-bit words that were drawn. */
export interface GeneratorState {
  readonly seed: number
  readonly stream: string
  readonly counter: number
}

/** The 64 bits of a stream's name: its characters absorbed one by one, each by one Philox block. */
function streamWords(stream: string): [number, number] {
  const state = new Uint32Array(4)
  for (let i = 0; i < stream.length; i++) {
    philox(state[0]!, state[1]!, stream.charCodeAt(i), i, 0x73656c66, 0x73616d65, state)
  }
  return [state[0]!, state[1]!]
}

/**
 * A stream of random numbers. A draw depends on nothing but (seed, stream, counter): the key of Philox is the seed, the
 * lower half of its counter the number of the block, the upper half the stream's name. `uniform` takes two words,
 * `normal` four, `integer` one or, rarely, more.
 */
export class Generator {
  #seed = 0
  #stream = ''
  #counter = 0
  #name: [number, number] = [0, 0]
  readonly #block = new Uint32Array(4)
  #blockIndex = -1

  /**
   * @param seed an integer from 0 to 2⁵³ − 1
   * @param stream which of the seed's independent streams; a number stands for its digits
   * @throws ConfigError for another seed
   */
  constructor(seed: number, stream: number | string = '') {
    this.state = { seed, stream: String(stream), counter: 0 }
  }

  get state(): GeneratorState {
    return { seed: this.#seed, stream: this.#stream, counter: this.#counter }
  }

  set state({ seed, stream, counter }: GeneratorState) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(`a random seed is an integer from 0 to 2^53 - 1, got ${seed}`)
    }
    if (!Number.isSafeInteger(counter) || counter < 0) {
      throw new ConfigError(`a random counter is an integer from 0 to 2^53 - 1, got ${counter}`)
    }
    this.#seed = seed
    this.#stream = stream
    this.#counter = counter
    this.#name = streamWords(stream)
    this.#blockIndex = -1
  }

  /**
   * What a kernel needs to draw from this stream itself: [seed low, seed high, stream low, stream high]. Word 4 i + j
   * is component j of `philox(vec4(i low, i high, stream low, stream high), vec2(seed low, seed high))`.
   */
  get words(): Uint32Array {
    return Uint32Array.of(this.#seed, this.#seed / 0x100000000, this.#name[0], this.#name[1])
  }

  /** 32 random bits, as a number from 0 to 2³² − 1. */
  uint32(): number {
    const lane = this.#counter % 4
    const index = (this.#counter - lane) / 4
    if (index !== this.#blockIndex) {
      const [low, high] = this.#name
      philox(index | 0, index / 0x100000000, low, high, this.#seed | 0, this.#seed / 0x100000000, this.#block)
      this.#blockIndex = index
    }
    this.#counter++
    return this.#block[lane]!
  }

  /** A float64 in [low, high) from 53 random bits. */
  uniform(low = 0, high = 1): number {
    const upper = this.uint32() >>> 5
    const lower = this.uint32() >>> 6
    return low + (high - low) * ((upper * 0x4000000 + lower) / 0x20000000000000)
  }

  /** A standard normal float64, by Box & Muller. Its second number is not kept: a draw would depend on the last one. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /**
   * An integer from 0 to n − 1, each exactly equally likely: words beyond the last whole multiple of n are drawn again.
   * @throws ConfigError unless 1 ≤ n ≤ 2³²
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x100000000) {
      throw new ConfigError(`integer(n) wants an integer n from 1 to 2^32, got ${n}`)
    }
    const end = 0x100000000 - (0x100000000 % n)
    let word = this.uint32()
    while (word >= end) word = this.uint32()
    return word % n
  }

  /** The integers 0 … n − 1 in random order (Fisher & Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const kept = order[i]!
      order[i] = order[j]!
      order[j] = kept
    }
    return order
  }

  /**
   * An independent stream of the same seed, from its beginning. It depends on this stream's name and not on what was
   * drawn so far: `split('views').split(3)` is the stream `views/3` whenever it is asked for.
   */
  split(name: string | number): Generator {
    return new Generator(this.#seed, this.#stream === '' ? String(name) : `${this.#stream}/${name}`)
  }
}
