import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { Generator, philox, uniformFloat32 } from '../../src/tensor/philox.js'

/** One block, as hexadecimal words. */
function block(counter: readonly number[], key: readonly number[]): string {
  const out = new Uint32Array(4)
  philox(counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!, out)
  return Array.from(out, word => word.toString(16).padStart(8, '0')).join(' ')
}

/** The block by the definition in the paper, with 64-bit products in BigInt. */
function blockByDefinition(counter: readonly number[], key: readonly number[]): string {
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k, l] = key.map(BigInt) as [bigint, bigint]
  const mask = 0xffffffffn
  for (let round = 0; round < 10; round++) {
    const first = 0xd2511f53n * a
    const second = 0xcd9e8d57n * c
    ;[a, b, c, d] = [(second >> 32n) ^ b ^ k, second & mask, (first >> 32n) ^ d ^ l, first & mask]
    k = (k + 0x9e3779b9n) & mask
    l = (l + 0xbb67ae85n) & mask
  }
  return [a, b, c, d].map(word => word.toString(16).padStart(8, '0')).join(' ')
}

describe('philox', () => {
  it('gives the known answers of Random123', () => {
    assert.equal(block([0, 0, 0, 0], [0, 0]), '6627e8d5 e169c58d bc57ac4c 9b00dbd8')
    const ones = 0xffffffff
    assert.equal(block([ones, ones, ones, ones], [ones, ones]), '408f276d 41c83b0e a20bc7c6 6d5451fd')
    assert.equal(
      block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    )
  })

  it('equals the definition in 64-bit integers', () => {
    const generator = new Generator(5)
    for (let i = 0; i < 200; i++) {
      const words = Array.from({ length: 6 }, () => generator.uint32())
      assert.equal(block(words.slice(0, 4), words.slice(4)), blockByDefinition(words.slice(0, 4), words.slice(4)))
    }
  })

  it('makes float32 uniforms from 24 bits', () => {
    assert.equal(uniformFloat32(0), 0)
    assert.equal(uniformFloat32(0xffffffff), 1 - 2 ** -24)
    for (const word of [1, 255, 256, 0x12345678]) assert.equal(Math.fround(uniformFloat32(word)), uniformFloat32(word))
  })
})

describe('Generator', () => {
  it('depends only on seed, stream and counter', () => {
    const generator = new Generator(2 ** 40 + 3, 'views')
    const first = Array.from({ length: 23 }, () => generator.uint32())
    const again = new Generator(0)
    again.state = { seed: 2 ** 40 + 3, stream: 'views', counter: 17 }
    assert.deepEqual(
      Array.from({ length: 6 }, () => again.uint32()),
      first.slice(17),
    )
    assert.deepEqual(again.state, generator.state)
    assert.deepEqual(JSON.parse(JSON.stringify(again.state)), { seed: 2 ** 40 + 3, stream: 'views', counter: 23 })
  })

  it('draws what its words say, also past 2³² blocks', () => {
    const generator = new Generator(2 ** 33 + 7, 'a')
    const blockIndex = 2 ** 35 + 11
    generator.state = { ...generator.state, counter: 4 * blockIndex }
    const [seedLow, seedHigh, streamLow, streamHigh] = generator.words
    assert.deepEqual([seedLow, seedHigh], [7, 2])
    const drawn = Array.from({ length: 4 }, () => generator.uint32().toString(16).padStart(8, '0')).join(' ')
    assert.equal(drawn, block([11, 8, streamLow!, streamHigh!], [seedLow!, seedHigh!]))
  })

  it('has another stream for every name, seed and number', () => {
    const names: Generator[] = [new Generator(1), new Generator(2), new Generator(2 ** 32 + 1), new Generator(1, 1)]
    for (const name of ['a', 'b', 'ab', 'ba', 0, 1, 10]) names.push(new Generator(1).split('split').split(name))
    assert.equal(new Set(names.map(generator => generator.uint32())).size, names.length)
    assert.equal(new Generator(1).split('a').split(3).uint32(), new Generator(1, 'a/3').uint32())
  })

  it('does not let a split depend on what was drawn', () => {
    const generator = new Generator(9)
    const before = generator.split('x').uint32()
    generator.normal()
    assert.equal(generator.split('x').uint32(), before)
  })

  it('draws uniforms evenly', () => {
    const generator = new Generator(3)
    const count = 100_000
    const bins = new Float64Array(20)
    let sum = 0
    for (let i = 0; i < count; i++) {
      const value = generator.uniform(-1, 3)
      assert.ok(value >= -1 && value < 3)
      bins[Math.floor((value + 1) * 5)]! += 1
      sum += value
    }
    assert.ok(Math.abs(sum / count - 1) < 5 * (4 / Math.sqrt(12) / Math.sqrt(count)))
    const chiSquare = bins.reduce((total, seen) => total + (seen - count / 20) ** 2 / (count / 20), 0)
    assert.ok(chiSquare < 50, `χ² with 19 degrees of freedom is ${chiSquare}`)
  })

  it('draws normals with the moments of a normal, a million in a second or so', () => {
    const generator = new Generator(4)
    const count = 1_000_000
    const moments = [0, 0, 0, 0]
    const start = performance.now()
    for (let i = 0; i < count; i++) {
      const value = generator.normal()
      for (let power = 0, product = value; power < 4; power++, product *= value) moments[power]! += product / count
    }
    const milliseconds = performance.now() - start
    assert.ok(milliseconds < 5000, `${milliseconds} ms`)
    for (const [power, [expected, variance]] of [
      [0, 1],
      [1, 2],
      [0, 15],
      [3, 96],
    ].entries()) {
      assert.ok(Math.abs(moments[power]! - expected!) < 5 * Math.sqrt(variance! / count), `moment ${power + 1}`)
    }
  })

  it('draws integers without bias', () => {
    const generator = new Generator(6)
    const n = 3 * 2 ** 30 // a plain remainder would make the lowest quarter of 2³² twice as likely
    let low = 0
    const count = 40_000
    for (let i = 0; i < count; i++) low += generator.integer(n) < 2 ** 30 ? 1 : 0
    assert.ok(Math.abs(low / count - 1 / 3) < 5 * Math.sqrt(2 / 9 / count), `${low / count}`)
    assert.equal(generator.integer(1), 0)
    assert.throws(() => generator.integer(0), ConfigError)
    assert.throws(() => generator.integer(2 ** 33), ConfigError)
  })

  it('permutes evenly', () => {
    const generator = new Generator(7)
    assert.deepEqual(
      [...generator.permutation(1000)].sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i),
    )
    const seen = new Map<string, number>()
    const count = 24_000
    for (let i = 0; i < count; i++) {
      const order = generator.permutation(4).join('')
      seen.set(order, (seen.get(order) ?? 0) + 1)
    }
    assert.equal(seen.size, 24)
    for (const times of seen.values()) assert.ok(Math.abs(times - 1000) < 160, `${times} of 1000`)
    assert.equal(generator.permutation(0).length, 0)
  })

  it('refuses seeds and counters that are not whole', () => {
    assert.throws(() => new Generator(-1), ConfigError)
    assert.throws(() => new Generator(0.5), ConfigError)
    assert.throws(() => {
      new Generator(1).state = { seed: 1, stream: '', counter: Number.NaN }
    }, ConfigError)
  })
})
