/** Which images each step takes, and which of them it knows the labels of. Pure functions of a seed and the step. */
import { ConfigError } from '../device/errors.js'
import { Generator } from '../tensor/philox.js'

/** Which images each step takes: a pure function of the step, so that a run can be taken up anywhere. */
export interface Sampler {
  readonly stepsPerEpoch: number
  indices(step: number): Int32Array
}

/** Whole batches of one seeded permutation an epoch; what is left over when the batch does not divide waits for another. */
export function sampler({ count, batch, seed }: { count: number; batch: number; seed: number }): Sampler {
  const stepsPerEpoch = Math.floor(count / batch)
  const root = new Generator(seed)
  let order: { epoch: number; indices: Int32Array } = { epoch: -1, indices: new Int32Array() }
  return {
    stepsPerEpoch,
    indices(step) {
      const epoch = Math.floor(step / stepsPerEpoch)
      if (order.epoch !== epoch) order = { epoch, indices: root.split(`order/${epoch}`).permutation(count) }
      const first = (step % stepsPerEpoch) * batch
      return order.indices.slice(first, first + batch)
    },
  }
}

export interface TwoStreamOptions {
  /** Indices of the images whose labels are known. */
  readonly labelled: Int32Array
  /** Indices of the others. (Mean Teacher's code for CIFAR-10 also lets the labelled ones come here again.) */
  readonly unlabelled: Int32Array
  /** Images a step, of both kinds. */
  readonly batch: number
  readonly labelledPerBatch: number
  readonly seed: number
}

/**
 * Batches with a fixed number of labelled images, which come first, as Mean Teacher wants them (Tarvainen & Valpola,
 * 2017, https://arxiv.org/abs/1703.01780). An epoch goes once through the unlabelled images, up to whole batches; the
 * labelled ones, of which there are few, repeat. Either stream is one seeded permutation after the other: no image is
 * left out before another one comes twice.
 *
 * @throws ConfigError when a stream cannot fill its part of a batch
 */
export function twoStreamSampler(options: TwoStreamOptions): Sampler {
  const { labelled, unlabelled, batch, labelledPerBatch, seed } = options
  const rest = batch - labelledPerBatch
  const whole = Number.isInteger(batch) && Number.isInteger(labelledPerBatch)
  if (!whole || labelledPerBatch < 1 || rest < 1) {
    throw new ConfigError(
      `two streams: wants from 1 to ${batch - 1} labelled images in a batch of ${batch}, got ${labelledPerBatch}`,
    )
  }
  if (labelled.length === 0) throw new ConfigError('two streams: wants at least 1 labelled image, got none')
  if (unlabelled.length < rest) {
    throw new ConfigError(
      `two streams: a batch takes ${rest} unlabelled images, and there are ${unlabelled.length}; take a smaller batch`,
    )
  }
  const root = new Generator(seed)
  const known = endless(labelled, root.split('labelled'))
  const unknown = endless(unlabelled, root.split('unlabelled'))
  return {
    stepsPerEpoch: Math.floor(unlabelled.length / rest),
    indices(step) {
      const indices = new Int32Array(batch)
      for (let i = 0; i < batch; i++) {
        indices[i] =
          i < labelledPerBatch ? known(step * labelledPerBatch + i) : unknown(step * rest + i - labelledPerBatch)
      }
      return indices
    },
  }
}

/** The elements of permutations of `values`, one permutation after the other, by position. */
function endless(values: Int32Array, generator: Generator): (position: number) => number {
  let round = -1
  let order: Int32Array = new Int32Array()
  return position => {
    const wanted = Math.floor(position / values.length)
    if (wanted !== round) {
      round = wanted
      order = generator.split(`order/${round}`).permutation(values.length)
    }
    return values[order[position % values.length]!]!
  }
}

/** How many labels are kept: a number of images, or a share of those that have a label. */
export type LabelBudget = { readonly count: number } | { readonly share: number }

/**
 * Labels `[count]` of which only so many are kept, the others −1. The kept ones are drawn by the seed, equally many of
 * each class as far as a class has them; where the number of classes does not divide, chance decides which classes get
 * one more.
 *
 * @throws ConfigError for a count outside 1 … the number of labels, or a share outside (0, 1]
 */
export function keepLabels(labels: Int32Array, budget: LabelBudget, seed: number): Int32Array {
  const known = labels.reduce((sum, label) => sum + Number(label >= 0), 0)
  const count = countOf(budget, known)
  const generator = new Generator(seed, 'labels')
  const classes = [...new Set(labels)].filter(label => label >= 0).sort((a, b) => a - b)
  const shuffled = classes.map(label => {
    const images = [...labels.keys()].filter(i => labels[i] === label)
    return Array.from(generator.split(label).permutation(images.length), at => images[at]!)
  })
  const turns = Array.from(generator.permutation(classes.length), at => shuffled[at]!)
  const kept = new Int32Array(labels.length).fill(-1)
  let left = count
  for (let round = 0; left > 0; round++) {
    for (const images of turns) {
      const image = images[round]
      if (image === undefined || left === 0) continue
      kept[image] = labels[image]!
      left--
    }
  }
  return kept
}

function countOf(budget: LabelBudget, known: number): number {
  if ('share' in budget) {
    const { share } = budget
    if (!(share > 0 && share <= 1)) throw new ConfigError(`labels: wants a share above 0 and up to 1, got ${share}`)
    if (known === 0) throw new ConfigError('labels: there are none to keep a share of')
    return Math.max(1, Math.round(share * known))
  }
  const { count } = budget
  if (Number.isInteger(count) && count >= 1 && count <= known) return count
  throw new ConfigError(`labels: wants a whole number from 1 to ${known}, the images with a label, got ${count}`)
}
