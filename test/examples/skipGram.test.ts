import assert from 'node:assert/strict'
import { corpusOf, KINDS, madeUpText, nearestWords, skipGram } from '../../examples/skipGram.js'
import type { Device } from '../../src/device/device.js'
import { devices } from '../conformance/devices.js'

describe('examples/skipGram: the text', () => {
  it('becomes numbers, the most frequent word first, rare words left out and sentences apart', () => {
    const { words, counts, text } = corpusOf('The cat. The dog saw the cat!')
    assert.deepEqual(words, ['the', 'cat'])
    assert.deepEqual(counts, [3, 2])
    assert.deepEqual(text, [0, 1, -1, 0, 0, 1, -1, -1])
  })
})

for (const { name, open } of devices) {
  describe(`examples/skipGram on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    for (const loss of ['sampledSoftmax', 'nce'] as const) {
      it(`puts words of a kind beside each other, by ${loss}`, async () => {
        const corpus = corpusOf(madeUpText(600, 1))
        const { vectors, losses } = await skipGram(corpus, { device, loss, dimension: 16, batch: 128, steps: 250 })
        assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `loss ${losses[0]} → ${losses.at(-1)}`)
        const kindOf = (word: string) => Object.entries(KINDS).find(([, words]) => words.some(one => one === word))?.[0]
        const known = corpus.words.map((word, i) => ({ i, kind: kindOf(word) })).filter(({ kind }) => kind)
        assert.equal(known.length, Object.values(KINDS).flat().length)
        const right = known.filter(({ i, kind }) => {
          const [nearest] = nearestWords(vectors, corpus.words.length, i, 1)
          return kindOf(corpus.words[nearest!]!) === kind
        })
        assert.ok(right.length >= 0.9 * known.length, `${right.length} of ${known.length} stand beside their kind`)
      })
    }
  })
}
