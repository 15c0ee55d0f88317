import { ConfigError } from '../device/errors.js'

const TILES = 9
/** 9! */
const ALL = 362_880

/**
 * `count` permutations of nine tiles that are as different as can be: each next one has the largest sum of Hamming
 * distances to those before it (Noroozi & Favaro 2016, algorithm 1). Many share that sum; of these the one with the
 * largest distance to its nearest predecessor is taken, then the first in lexicographic order, so that the set is the
 * same everywhere. The paper takes any, and begins with any; this begins with the identity.
 *
 * @throws ConfigError unless 2 ≤ count ≤ 9!
 */
export function distantPermutations(count: number): number[][] {
  if (!Number.isInteger(count) || count < 2 || count > ALL) {
    throw new ConfigError(`jigsaw: wants 2 to ${ALL} permutations, got ${count}`)
  }
  const all = everyPermutation()
  const total = new Int32Array(ALL)
  const nearest = new Uint8Array(ALL).fill(TILES)
  const chosen: number[][] = []
  let next = 0
  while (chosen.length < count) {
    chosen.push(tilesOf(all, next))
    const [eight, last] = [all.eight[next]!, all.last[next]!]
    let best = -1
    for (let i = 0; i < ALL; i++) {
      // The lowest bit of each of eight nibbles says whether it differs; the product adds them up in the highest nibble.
      let differs = all.eight[i]! ^ eight
      differs |= differs >>> 2
      differs |= differs >>> 1
      const distance = (Math.imul(differs & 0x11111111, 0x11111111) >>> 28) + (all.last[i] === last ? 0 : 1)
      total[i]! += distance
      if (distance < nearest[i]!) nearest[i] = distance
      // What is chosen is at distance 0 from itself.
      if (nearest[i] === 0) continue
      const more = best < 0 ? 1 : total[i]! - total[best]! || nearest[i]! - nearest[best]!
      if (more > 0) best = i
    }
    next = best
  }
  return chosen
}

/** Permutations as words: the first eight tiles in nibbles, the first of them lowest, and the ninth by itself. */
interface Packed {
  readonly eight: Int32Array
  readonly last: Uint8Array
}

function tilesOf({ eight, last }: Packed, index: number): number[] {
  return Array.from({ length: TILES }, (_, place) => (place < 8 ? (eight[index]! >>> (4 * place)) & 15 : last[index]!))
}

/** All permutations in lexicographic order. */
function everyPermutation(): Packed {
  const all = { eight: new Int32Array(ALL), last: new Uint8Array(ALL) }
  const current = Array.from({ length: TILES }, (_, tile) => tile)
  for (let i = 0; i < ALL; i++) {
    all.eight[i] = current.reduceRight((word, tile, place) => (place < 8 ? (word << 4) | tile : word), 0)
    all.last[i] = current[8]!
    // The last ascent: its lower end changes places with the next larger after it, and what follows is reversed.
    let low = TILES - 2
    while (low >= 0 && current[low]! > current[low + 1]!) low--
    if (low < 0) break
    let high = TILES - 1
    while (current[high]! < current[low]!) high--
    ;[current[low], current[high]] = [current[high]!, current[low]!]
    current.push(...current.splice(low + 1).reverse())
  }
  return all
}
