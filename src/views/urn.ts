/**
 * Numbers 0 … n − 1 with weights that may change, to be drawn in proportion to them: a binary tree of sums, each made of
 * its two parts again when one changes, so that nothing is left of a weight that is taken away.
 */
export class Urn {
  /** Node i has the sum of nodes 2i and 2i + 1; the weights are the last `#leaves`. */
  readonly #sums: Float64Array
  readonly #leaves: number

  constructor(weights: readonly number[]) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, weights.length)))
    this.#sums = new Float64Array(2 * this.#leaves)
    this.#sums.set(weights, this.#leaves)
    for (let node = this.#leaves - 1; node >= 1; node--) this.#add(node)
  }

  get total(): number {
    return this.#sums[1]!
  }

  set(index: number, weight: number): void {
    this.#sums[this.#leaves + index] = weight
    for (let node = this.#leaves + index; node > 1; ) {
      node = Math.floor(node / 2)
      this.#add(node)
    }
  }

  /** The number in whose part of [0, total) a position lies; never one without weight. */
  at(position: number): number {
    let node = 1
    let rest = position
    while (node < this.#leaves) {
      const [left, right] = [this.#sums[2 * node]!, this.#sums[2 * node + 1]!]
      const goesRight = right > 0 && (rest >= left || left === 0)
      if (goesRight) rest -= left
      node = 2 * node + (goesRight ? 1 : 0)
    }
    return node - this.#leaves
  }

  #add(node: number): void {
    this.#sums[node] = this.#sums[2 * node]! + this.#sums[2 * node + 1]!
  }
}
