/**
 * Word vectors by skip-gram (Mikolov et al., 2013, https://arxiv.org/abs/1310.4546), with the engine alone: a word's
 * vector must tell its neighbours from words drawn at random. Both losses that make this cheap for many words are in the
 * library: `sampledSoftmax`, and `nce`, which Instance Discrimination's memory bank borrowed from here.
 *
 *   node dist/examples/skipGram.js                  # a made-up language, whose kinds of words must come out
 *   node dist/examples/skipGram.js TEXT [nce]       # any text file
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import {
  AdamW,
  type Device,
  Generator,
  gather,
  gradients,
  keep,
  l2normalize,
  ModelState,
  Module,
  nce,
  open,
  requireGradient,
  reshape,
  sampledSoftmax,
  scope,
  type Tensor,
  tensor,
} from '../src/index.js'

export interface Corpus {
  /** Words by number, the most frequent first. */
  readonly words: readonly string[]
  /** How often each occurs. */
  readonly counts: readonly number[]
  /** The text as numbers of words; sentences end with −1. */
  readonly text: readonly number[]
}

/** Lower-case words that occur at least `least` times; the others are left out of the text. */
export function corpusOf(text: string, least = 2): Corpus {
  const sentences = text
    .toLowerCase()
    .split(/[.!?\n]+/)
    .map(sentence => sentence.match(/\p{L}+/gu) ?? [])
  const counts = new Map<string, number>()
  for (const word of sentences.flat()) counts.set(word, (counts.get(word) ?? 0) + 1)
  const frequent = [...counts].filter(([, count]) => count >= least).sort(([, a], [, b]) => b - a)
  const numbers = new Map(frequent.map(([word], i) => [word, i]))
  return {
    words: frequent.map(([word]) => word),
    counts: frequent.map(([, count]) => count),
    text: sentences.flatMap(sentence => [...sentence.flatMap(word => numbers.get(word) ?? []), -1]),
  }
}

/** The vectors that are kept, and those that words have as somebody's neighbour: [words, dimension] both. */
class WordVectors extends Module {
  readonly centres: Tensor
  readonly neighbours: Tensor

  constructor(words: number, dimension: number, generator: Generator, device: Device) {
    super()
    const drawn = () => {
      const values = Float32Array.from({ length: words * dimension }, () => generator.uniform(-0.5, 0.5) / dimension)
      return keep(requireGradient(tensor(values, { shape: [words, dimension], device })))
    }
    this.centres = drawn()
    this.neighbours = drawn()
  }

  forward(words: Tensor): Tensor {
    return gather(this.centres, words)
  }
}

export interface SkipGramOptions {
  readonly device: Device
  readonly loss?: 'sampledSoftmax' | 'nce'
  readonly dimension?: number
  readonly window?: number
  readonly batch?: number
  /** Words drawn at random, of the whole batch (`sampledSoftmax`) or of each pair (`nce`). */
  readonly negatives?: number
  readonly steps?: number
  readonly seed?: number
}

/** @returns the vectors, [words, dimension] with rows of length 1, and the loss of every step */
export async function skipGram(corpus: Corpus, options: SkipGramOptions) {
  const { device, loss = 'sampledSoftmax', dimension = 32, window = 2, batch = 256, steps = 400, seed = 0 } = options
  const { negatives = loss === 'nce' ? 8 : 64 } = options
  const generator = new Generator(seed)
  const pairs = pairsOf(corpus.text, window)
  const model = new WordVectors(corpus.words.length, dimension, generator, device)
  const { parameters, gradients: slots } = new ModelState({ words: model })
  const optimizer = new AdamW(parameters, slots)
  const integers = (...shape: number[]) =>
    keep(tensor(new Int32Array(shape.reduce((size, axis) => size * axis, 1)), { shape, dtype: 'int32', device }))
  const [centres, contexts] = [integers(batch), integers(batch)]
  const drawn = loss === 'nce' ? integers(batch, negatives) : integers(negatives)
  // Frequent words are drawn more often, but less so than they occur (section 2.2).
  const smoothed = corpus.counts.map(count => count ** 0.75)
  const total = smoothed.reduce((sum, value) => sum + value, 0)
  const noise = keep(
    tensor(
      Float32Array.from(smoothed, value => value / total),
      { device },
    ),
  )
  const losses: number[] = []
  let program: Awaited<ReturnType<Device['record']>> | undefined
  let latest: Tensor | undefined
  for (let step = 0; step < steps; step++) {
    const chosen = Array.from({ length: batch }, () => pairs[generator.integer(pairs.length)]!)
    centres.write(Int32Array.from(chosen, ([centre]) => centre))
    contexts.write(Int32Array.from(chosen, ([, context]) => context))
    drawn.write(Int32Array.from({ length: drawn.size }, () => draw(smoothed, generator.uniform() * total)))
    optimizer.prepare({ learningRate: 0.02, step })
    program ??= await device.record(() => {
      latest = scope(() => {
        const features = model.forward(centres)
        const expected = (words: Tensor) => gather(noise, words)
        const error =
          loss === 'nce'
            ? nce(features, [model.neighbours], contexts, drawn, { noise })
            : sampledSoftmax(features, model.neighbours, contexts, drawn, {
                expected: { labels: expected(contexts), sampled: expected(drawn) },
              })
        slots.gatherInto(gradients(error, parameters.tensors))
        optimizer.step()
        return reshape(error, [1])
      })
    })
    if (step > 0) device.replay(program)
    losses.push(await latest!.item())
  }
  const vectors = (await scope(() => l2normalize(model.centres)).data()) as Float32Array
  return { vectors, losses }
}

/** Each word with each of its neighbours up to `window` places away, within a sentence. */
function pairsOf(text: readonly number[], window: number): [number, number][] {
  return text.flatMap((centre, at) => {
    if (centre < 0) return []
    const found: [number, number][] = []
    for (const direction of [-1, 1]) {
      for (let distance = 1; distance <= window; distance++) {
        const other = text[at + direction * distance]
        if (other === undefined || other < 0) break
        found.push([centre, other])
      }
    }
    return found
  })
}

/** The number of the weight that `point`, from 0 to their sum, falls into. */
function draw(weights: readonly number[], point: number): number {
  let left = point
  const found = weights.findIndex(weight => {
    left -= weight
    return left < 0
  })
  return found < 0 ? weights.length - 1 : found
}

/** The numbers of the words most like a word, the most alike first. */
export function nearestWords(vectors: Float32Array, words: number, word: number, count = 3): number[] {
  const dimension = vectors.length / words
  const row = (i: number) => vectors.subarray(i * dimension, (i + 1) * dimension)
  const similarity = (i: number) => row(i).reduce((sum, value, d) => sum + value * row(word)[d]!, 0)
  const others = Array.from({ length: words }, (_, i) => i).filter(i => i !== word)
  return others.sort((a, b) => similarity(b) - similarity(a)).slice(0, count)
}

export const KINDS = {
  animals: ['cat', 'dog', 'horse', 'cow', 'fox', 'hen'],
  things: ['stone', 'apple', 'book', 'cup', 'key', 'coin'],
  moves: ['runs', 'jumps', 'sleeps', 'hides', 'waits'],
  places: ['house', 'field', 'wood', 'barn', 'garden'],
} as const

/** A language in which words of a kind stand in the same places: animals move, things lie. */
export function madeUpText(sentences: number, seed: number): string {
  const generator = new Generator(seed)
  const one = (kind: keyof typeof KINDS) => KINDS[kind][generator.integer(KINDS[kind].length)]!
  const lines = Array.from({ length: sentences }, () =>
    generator.uniform() < 0.5
      ? `a ${one('animals')} ${one('moves')} behind ${one('places')}`
      : `the ${one('things')} lies near ${one('places')}`,
  )
  return lines.join('.\n')
}

async function main(file: string | undefined, loss: string | undefined): Promise<void> {
  const corpus = corpusOf(file === undefined ? madeUpText(2000, 1) : readFileSync(file, 'utf8'))
  const device = await open()
  const { vectors, losses } = await skipGram(corpus, { device, loss: loss === 'nce' ? 'nce' : 'sampledSoftmax' })
  console.log(`${corpus.words.length} words, loss ${losses[0]!.toFixed(3)} → ${losses.at(-1)!.toFixed(3)}`)
  const shown = file === undefined ? corpus.words : corpus.words.slice(0, 40)
  shown.forEach((word, i) => {
    const near = nearestWords(vectors, corpus.words.length, i).map(other => corpus.words[other])
    console.log(`${word.padEnd(12)} ${near.join(', ')}`)
  })
  await device.close()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2], process.argv[3])
